-- What streamers have unlocked: entries of the Collection service. The key makes each a single one.
CREATE TABLE IF NOT EXISTS streamer_unlock (
  streamer_type TINYINT UNSIGNED NOT NULL,
  streamer_id BINARY(16) NOT NULL,
  game_service_id BINARY(16) NOT NULL,
  category TINYINT UNSIGNED NOT NULL,
  entry_code VARCHAR(64) NOT NULL,
  unlocked_at DATETIME(6) NOT NULL,
  session_id BINARY(16) NOT NULL,
  PRIMARY KEY (streamer_type, streamer_id, game_service_id, entry_code, category),
  KEY streamer_unlock_newest (streamer_type, streamer_id, unlocked_at)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What a session's end knows and a career needs later: the followers at that moment, and who came.
-- `followers_after` is NULL where a release ended the session that did not record it.
ALTER TABLE session
  ADD COLUMN followers_after INT UNSIGNED NULL,
  ADD COLUMN lost_followers INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN attended_heads INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN regular_heads INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN taste_evenness DOUBLE NOT NULL DEFAULT 0;
-- Sessions enter a career in the order of their ordinals.
CREATE INDEX session_ordinal
  ON session (streamer_type, streamer_id, game_service_id, career_applied, ordinal);

-- `followers` counts heads, `follower_members` the rows behind them. `changed_at` is the database's
-- own time of the last change, by which leaderboards find what they have not seen.
ALTER TABLE streamer
  ADD COLUMN follower_members INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN acclaimed_sessions INT UNSIGNED NOT NULL DEFAULT 0,
  ADD COLUMN changed_at DATETIME(6) NOT NULL
    DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6);
UPDATE streamer SET follower_members = followers;
CREATE INDEX streamer_changed ON streamer (game_service_id, changed_at);
