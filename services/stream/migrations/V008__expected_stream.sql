-- Broadcasts that channels have announced.
CREATE TABLE IF NOT EXISTS expected_stream (
  expected_id      BINARY(16)     NOT NULL COMMENT 'of link and stream, by a keyed mark',
  link_id          BINARY(16)     NOT NULL,
  stream_id_sealed VARBINARY(256) NOT NULL,
  expected_at      DATETIME(6)    NOT NULL,
  PRIMARY KEY (expected_id),
  KEY expected_stream_link (link_id),
  KEY expected_stream_at (expected_at)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
