-- What is left to tell a platform about a link that is gone: end the grant, end the subscriptions.
-- Sealed as in `link`, without the account; kept until it is done, for at most seven days.
CREATE TABLE IF NOT EXISTS farewell (
  link_id              BINARY(16)       NOT NULL,
  platform             TINYINT UNSIGNED NOT NULL,
  user_id_sealed       VARBINARY(256)   NOT NULL,
  access_token_sealed  VARBINARY(4096)  NOT NULL,
  refresh_token_sealed VARBINARY(4096)  NOT NULL,
  token_expires_at     DATETIME(6)      NOT NULL,
  created_at           DATETIME(6)      NOT NULL,
  due_at               DATETIME(6)      NOT NULL,
  tries                INT UNSIGNED     NOT NULL DEFAULT 0,
  PRIMARY KEY (link_id),
  KEY farewell_due (due_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
