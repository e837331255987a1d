-- A streamer's tips in one game. What it has is earned less spent, which is the sum of its entries
-- and never negative; `entries` numbers them. `streamed_at`: when its last session was counted.
CREATE TABLE IF NOT EXISTS tip_account (
  wallet_id BINARY(16) NOT NULL,
  streamer_type TINYINT UNSIGNED NOT NULL,
  streamer_id BINARY(16) NOT NULL,
  game_service_id BINARY(16) NOT NULL,
  total_earned BIGINT NOT NULL DEFAULT 0,
  total_spent BIGINT NOT NULL DEFAULT 0,
  entries INT UNSIGNED NOT NULL DEFAULT 0,
  streamed_at DATETIME(6) NULL,
  PRIMARY KEY (wallet_id),
  UNIQUE KEY tip_account_streamer (streamer_type, streamer_id, game_service_id),
  CONSTRAINT tip_account_solvent CHECK (total_spent >= 0 AND total_spent <= total_earned)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The ledger: rows are only added. The id of what is earned is derived from what earned it (a
-- session, an hour, a deal), so that its unique key lets each earn once.
CREATE TABLE IF NOT EXISTS tip_entry (
  streamer_type TINYINT UNSIGNED NOT NULL,
  streamer_id BINARY(16) NOT NULL,
  game_service_id BINARY(16) NOT NULL,
  ordinal INT UNSIGNED NOT NULL,
  id BINARY(16) NOT NULL,
  kind TINYINT UNSIGNED NOT NULL,
  amount BIGINT NOT NULL,
  session_id BINARY(16) NULL,
  sponsorship_id BINARY(16) NULL,
  item_code VARCHAR(64) NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (streamer_type, streamer_id, game_service_id, ordinal),
  UNIQUE KEY tip_entry_id (id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- How far followers have given: one row. `hour` counts from 1970; up to `after` (a wallet) its
-- accounts are paid, all of them when it is `done`.
CREATE TABLE IF NOT EXISTS tip_hour (
  id TINYINT UNSIGNED NOT NULL,
  hour BIGINT NOT NULL,
  after BINARY(16) NOT NULL,
  done TINYINT UNSIGNED NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What a sponsor and a streamer agreed on. Whether a deal has expired its deadline says, whatever
-- stands in `status`; a worker brings that up to date.
CREATE TABLE IF NOT EXISTS sponsorship (
  id BINARY(16) NOT NULL,
  game_service_id BINARY(16) NOT NULL,
  streamer_type TINYINT UNSIGNED NOT NULL,
  streamer_id BINARY(16) NOT NULL,
  sponsor_id BINARY(16) NOT NULL,
  sponsor_name VARCHAR(100) NOT NULL,
  status TINYINT UNSIGNED NOT NULL,
  payment BIGINT NOT NULL,
  sponsor_reputation DOUBLE NOT NULL,
  proposed_at DATETIME(6) NOT NULL,
  accepted_at DATETIME(6) NULL,
  completed_at DATETIME(6) NULL,
  expires_at DATETIME(6) NULL,
  PRIMARY KEY (id),
  KEY sponsorship_streamer (streamer_type, streamer_id, game_service_id, id),
  KEY sponsorship_due (status, expires_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What has to be reached, at most one a metric. `progress` is exact: seconds, viewers or trains.
CREATE TABLE IF NOT EXISTS sponsorship_target (
  sponsorship_id BINARY(16) NOT NULL,
  metric TINYINT UNSIGNED NOT NULL,
  target DOUBLE NOT NULL,
  progress BIGINT UNSIGNED NOT NULL DEFAULT 0,
  reached_at DATETIME(6) NULL,
  PRIMARY KEY (sponsorship_id, metric)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- First answers by request id, for a day; whose they are, so that they can be erased.
CREATE TABLE IF NOT EXISTS request_answer (
  request_id BINARY(16) NOT NULL,
  streamer_id BINARY(16) NOT NULL,
  request_digest BINARY(32) NOT NULL,
  answer BLOB NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (request_id),
  KEY request_answer_streamer (streamer_id),
  KEY request_answer_age (created_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The deal that a session counts toward.
ALTER TABLE session ADD COLUMN sponsorship_id BINARY(16) NULL;
CREATE INDEX session_sponsorship ON session (sponsorship_id, career_applied, ended_at);
