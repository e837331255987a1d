-- Events of other services end sessions by the game session that they belong to, or by the account
-- that owns them.
CREATE INDEX session_game_session ON session (game_session_id, active);
CREATE INDEX session_owner ON session (owner_account_id, active);
