-- News that is stored with what it tells of; the relay publishes and deletes it in the order of id.
CREATE TABLE IF NOT EXISTS outbox (
  id           BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  event_id     BINARY(16)      NOT NULL COMMENT 'UUID, the Nats-Msg-Id',
  subject      VARCHAR(128)    NOT NULL,
  message_type VARCHAR(128)    NOT NULL COMMENT 'full name of the protobuf message',
  traceparent  VARCHAR(64)     NOT NULL COMMENT 'W3C trace context, empty if there is none',
  payload      MEDIUMBLOB      NOT NULL COMMENT 'the serialized protobuf message',
  created_at   DATETIME(6)     NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE KEY outbox_event_id (event_id)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
