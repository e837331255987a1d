-- Games and their pools: a pool is a seed and the sizes of its segments; members are derived.
CREATE TABLE IF NOT EXISTS game_pool (
  game_service_id BINARY(16) NOT NULL,
  seed BIGINT UNSIGNED NOT NULL,
  shards SMALLINT UNSIGNED NOT NULL,
  collective_share DOUBLE NOT NULL,
  collective_size SMALLINT UNSIGNED NOT NULL,
  size INT UNSIGNED NOT NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (game_service_id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row a growth of a pool. `request_id` makes a repeated seeding the same one.
CREATE TABLE IF NOT EXISTS pool_segment (
  game_service_id BINARY(16) NOT NULL,
  ordinal INT UNSIGNED NOT NULL,
  size INT UNSIGNED NOT NULL,
  request_id BINARY(16) NULL,
  created_at DATETIME(6) NOT NULL,
  PRIMARY KEY (game_service_id, ordinal),
  UNIQUE KEY pool_segment_request (request_id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A character belongs to the first account that streams it; role service may bind it anew.
CREATE TABLE IF NOT EXISTS character_owner (
  character_id BINARY(16) NOT NULL,
  account_id BINARY(16) NOT NULL,
  PRIMARY KEY (character_id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A streamer's record in one game: what lasts after the stream. Growth is in thousandths, so that
-- sums are exact; `content_tags` and `peak_tier` say what was counted already.
CREATE TABLE IF NOT EXISTS streamer (
  streamer_type TINYINT UNSIGNED NOT NULL,
  streamer_id BINARY(16) NOT NULL,
  game_service_id BINARY(16) NOT NULL,
  viewer_secret BIGINT UNSIGNED NOT NULL,
  followers INT UNSIGNED NOT NULL DEFAULT 0,
  sessions INT UNSIGNED NOT NULL DEFAULT 0,
  live_seconds BIGINT UNSIGNED NOT NULL DEFAULT 0,
  watch_seconds BIGINT UNSIGNED NOT NULL DEFAULT 0,
  hype_trains INT UNSIGNED NOT NULL DEFAULT 0,
  world_firsts INT UNSIGNED NOT NULL DEFAULT 0,
  growth_audience BIGINT UNSIGNED NOT NULL DEFAULT 0,
  growth_engagement BIGINT UNSIGNED NOT NULL DEFAULT 0,
  growth_diversity BIGINT UNSIGNED NOT NULL DEFAULT 0,
  growth_discovery BIGINT UNSIGNED NOT NULL DEFAULT 0,
  phase TINYINT UNSIGNED NOT NULL DEFAULT 1,
  content_tags INT UNSIGNED NOT NULL DEFAULT 0,
  peak_tier TINYINT UNSIGNED NOT NULL DEFAULT 0,
  mean_audience DOUBLE NOT NULL DEFAULT 0,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (streamer_type, streamer_id, game_service_id),
  KEY streamer_game (game_service_id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- In-game stream sessions. `active` is 1 until Ended and then NULL, so that its unique key allows
-- one active session a streamer and any number of ended ones.
CREATE TABLE IF NOT EXISTS session (
  id BINARY(16) NOT NULL,
  game_service_id BINARY(16) NOT NULL,
  shard SMALLINT UNSIGNED NOT NULL,
  streamer_type TINYINT UNSIGNED NOT NULL,
  streamer_id BINARY(16) NOT NULL,
  owner_account_id BINARY(16) NULL,
  ordinal INT UNSIGNED NOT NULL DEFAULT 0,
  status TINYINT UNSIGNED NOT NULL,
  active TINYINT UNSIGNED NULL,
  paused TINYINT UNSIGNED NOT NULL DEFAULT 0,
  context_score DOUBLE NOT NULL DEFAULT 0.5,
  title VARCHAR(140) NULL,
  theme VARCHAR(64) NULL,
  content_tags INT UNSIGNED NOT NULL,
  platform_session_id BINARY(16) NULL,
  game_session_id BINARY(16) NULL,
  request_id BINARY(16) NULL,
  request_digest BINARY(32) NULL,
  created_at DATETIME(6) NOT NULL,
  started_at DATETIME(6) NULL,
  ended_at DATETIME(6) NULL,
  end_reason TINYINT UNSIGNED NULL,
  last_round INT UNSIGNED NOT NULL DEFAULT 0,
  audience INT UNSIGNED NOT NULL DEFAULT 0,
  peak_audience INT UNSIGNED NOT NULL DEFAULT 0,
  viewer_seconds DOUBLE NOT NULL DEFAULT 0,
  interest_seconds DOUBLE NOT NULL DEFAULT 0,
  live_seconds DOUBLE NOT NULL DEFAULT 0,
  new_followers INT UNSIGNED NOT NULL DEFAULT 0,
  hype_trains INT UNSIGNED NOT NULL DEFAULT 0,
  peak_hype_level TINYINT UNSIGNED NOT NULL DEFAULT 0,
  world_firsts INT UNSIGNED NOT NULL DEFAULT 0,
  career_applied TINYINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE KEY session_active (streamer_type, streamer_id, active),
  UNIQUE KEY session_request (request_id),
  KEY session_game (game_service_id, status, audience),
  KEY session_status (status, created_at),
  KEY session_career (career_applied, status),
  KEY session_ended (status, ended_at),
  KEY session_platform (platform_session_id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS session_moment (
  session_id BINARY(16) NOT NULL,
  ordinal INT UNSIGNED NOT NULL,
  at DATETIME(6) NOT NULL,
  moment_type TINYINT UNSIGNED NOT NULL,
  description VARCHAR(500) NULL,
  reaction DOUBLE NOT NULL,
  PRIMARY KEY (session_id, ordinal)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- A hype train and each of its transitions; a transition's row makes its event a single one.
CREATE TABLE IF NOT EXISTS hype_train (
  id BINARY(16) NOT NULL,
  session_id BINARY(16) NOT NULL,
  trigger_event VARCHAR(32) NOT NULL,
  peak_level TINYINT UNSIGNED NOT NULL,
  started_at DATETIME(6) NOT NULL,
  completed_at DATETIME(6) NULL,
  PRIMARY KEY (id),
  KEY hype_train_session (session_id),
  KEY hype_train_open (completed_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE IF NOT EXISTS hype_transition (
  hype_id BINARY(16) NOT NULL,
  kind TINYINT UNSIGNED NOT NULL,
  level TINYINT UNSIGNED NOT NULL,
  PRIMARY KEY (hype_id, kind, level)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What a pool member was to a streamer: sessions attended, the run of interested ones, and, while
-- `followed_since` is set, a follow that lapses at session `lapse_ordinal`.
CREATE TABLE IF NOT EXISTS attendance (
  streamer_type TINYINT UNSIGNED NOT NULL,
  streamer_id BINARY(16) NOT NULL,
  game_service_id BINARY(16) NOT NULL,
  member INT UNSIGNED NOT NULL,
  last_session_ordinal INT UNSIGNED NOT NULL,
  attended INT UNSIGNED NOT NULL,
  interested_run SMALLINT UNSIGNED NOT NULL,
  loyalty DOUBLE NOT NULL,
  followed_since DATETIME(6) NULL,
  lapse_ordinal INT UNSIGNED NULL,
  real_derived TINYINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (streamer_type, streamer_id, game_service_id, member),
  KEY attendance_followers (streamer_type, streamer_id, game_service_id, followed_since),
  KEY attendance_lapse (streamer_type, streamer_id, game_service_id, lapse_ordinal)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Milestones reached; the key makes each fire once.
CREATE TABLE IF NOT EXISTS milestone (
  streamer_type TINYINT UNSIGNED NOT NULL,
  streamer_id BINARY(16) NOT NULL,
  game_service_id BINARY(16) NOT NULL,
  milestone_type TINYINT UNSIGNED NOT NULL,
  value INT UNSIGNED NOT NULL,
  reached_at DATETIME(6) NOT NULL,
  session_id BINARY(16) NULL,
  PRIMARY KEY (streamer_type, streamer_id, game_service_id, milestone_type, value)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Platform sessions and whose they are, as the stream daemon announced them.
CREATE TABLE IF NOT EXISTS platform_session (
  id BINARY(16) NOT NULL,
  account_id BINARY(16) NOT NULL,
  in_game_session_id BINARY(16) NULL,
  ended TINYINT UNSIGNED NOT NULL DEFAULT 0,
  updated_at DATETIME(6) NOT NULL,
  PRIMARY KEY (id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Events of committed changes, until the relay has published them (libs/common/outbox/outbox.sql).
CREATE TABLE IF NOT EXISTS outbox (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  event_id BINARY(16) NOT NULL,
  subject VARCHAR(128) NOT NULL,
  message_type VARCHAR(128) NOT NULL,
  traceparent VARCHAR(64) NOT NULL,
  payload MEDIUMBLOB NOT NULL,
  created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
  PRIMARY KEY (id),
  UNIQUE KEY outbox_event_id (event_id)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
