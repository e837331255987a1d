-- Platform accounts that belong to ours. What names a person is sealed (AES-256-GCM) or a keyed
-- mark (HMAC-SHA256): nothing here can be read or guessed without the daemon's keys.
CREATE TABLE IF NOT EXISTS link (
  link_id              BINARY(16)       NOT NULL,
  account_id           BINARY(16)       NOT NULL,
  platform             TINYINT UNSIGNED NOT NULL COMMENT 'StreamPlatform of the contract',
  single               TINYINT          NULL     COMMENT '1: one such link an account; NULL: many',
  user_mark            BINARY(32)       NULL     COMMENT 'of platform and user id; NULL: no account there',
  user_id_sealed       VARBINARY(256)   NOT NULL,
  display_name_sealed  VARBINARY(1024)  NOT NULL,
  access_token_sealed  VARBINARY(4096)  NOT NULL,
  refresh_token_sealed VARBINARY(4096)  NOT NULL,
  token_expires_at     DATETIME(6)      NOT NULL,
  linked_at            DATETIME(6)      NOT NULL,
  is_active            TINYINT          NOT NULL DEFAULT 1,
  subscribed_at        DATETIME(6)      NULL     COMMENT 'since when the platform sends its events',
  offline_at           DATETIME(6)      NULL     COMMENT 'the latest end of a stream we were told of',
  PRIMARY KEY (link_id),
  UNIQUE KEY link_account (account_id, platform, single),
  UNIQUE KEY link_user (user_mark),
  KEY link_subscribed (subscribed_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
