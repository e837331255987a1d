-- Accounts that were deleted, for as long as something late could still bring them back.
CREATE TABLE IF NOT EXISTS tombstone (
  account_mark BINARY(32)  NOT NULL COMMENT 'HMAC of the account''s id',
  expires_at   DATETIME(6) NOT NULL,
  PRIMARY KEY (account_mark),
  KEY tombstone_expiry (expires_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
