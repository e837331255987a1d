-- Accounts, characters and game services that were deleted: while a row stands here nothing may be
-- stored for them again. `mark` is a hash, so that the id itself is gone.
CREATE TABLE IF NOT EXISTS tombstone (
  mark BINARY(32) NOT NULL,
  expires_at DATETIME(6) NOT NULL,
  PRIMARY KEY (mark),
  KEY tombstone_age (expires_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What is erased is found by whose it is.
CREATE INDEX character_owner_account ON character_owner (account_id);
CREATE INDEX platform_session_account ON platform_session (account_id);
CREATE INDEX tip_account_game ON tip_account (game_service_id);
CREATE INDEX sponsorship_game ON sponsorship (game_service_id);
