-- What it takes to ask a platform whether a session's stream still goes on.
ALTER TABLE session ADD COLUMN stream_id_sealed VARBINARY(256) NULL COMMENT 'the stream at the platform, while the session is live';
ALTER TABLE link ADD COLUMN stopped_mark BINARY(32) NULL COMMENT 'of the stream whose session the owner stopped: it is not begun again';
ALTER TABLE session ADD COLUMN seen_at DATETIME(6) NULL COMMENT 'when it was last known to be live';
