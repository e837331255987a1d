-- When work that one instance does for all is due next.
CREATE TABLE IF NOT EXISTS schedule (
  name   VARCHAR(64) NOT NULL,
  due_at DATETIME(6) NOT NULL,
  PRIMARY KEY (name)
) ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
