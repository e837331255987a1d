-- Platform sessions: from going live to the last pulse. At most one of a link is live: `live` is
-- NULL from its end on.
CREATE TABLE IF NOT EXISTS session (
  session_id        BINARY(16)       NOT NULL,
  link_id           BINARY(16)       NOT NULL,
  account_id        BINARY(16)       NOT NULL,
  platform          TINYINT UNSIGNED NOT NULL,
  stream_mark       BINARY(32)       NOT NULL COMMENT 'HMAC of the stream''s id at the platform',
  status            TINYINT UNSIGNED NOT NULL COMMENT '1 live, 2 ending, 3 ended and announced',
  live              TINYINT          NULL,
  started_at        DATETIME(6)      NOT NULL,
  ended_at          DATETIME(6)      NULL,
  in_game_id        BINARY(16)       NULL,
  viewer_count      INT UNSIGNED     NOT NULL DEFAULT 0,
  peak_viewer_count INT UNSIGNED     NOT NULL DEFAULT 0,
  pulses_published  INT UNSIGNED     NOT NULL DEFAULT 0,
  PRIMARY KEY (session_id),
  UNIQUE KEY session_live (link_id, live),
  KEY session_stream (link_id, stream_mark),
  KEY session_account (account_id, started_at),
  KEY session_status (status, ended_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
