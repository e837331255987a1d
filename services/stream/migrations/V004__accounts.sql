-- What links need to stay alive for long, and platforms without OAuth.
ALTER TABLE link ADD COLUMN scopes VARCHAR(2048) NOT NULL DEFAULT '' COMMENT 'granted by the user, separated by spaces';
ALTER TABLE link ADD COLUMN validated_at DATETIME(6) NULL COMMENT 'when the platform last confirmed the access token; NULL: to be asked now';
ALTER TABLE link ADD COLUMN subscriptions_due_at DATETIME(6) NULL DEFAULT CURRENT_TIMESTAMP(6) COMMENT 'when to look at its subscriptions; NULL: with all others';
ALTER TABLE link ADD COLUMN subscription_tries INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'looks in a row after which something was left to do';
ALTER TABLE link ADD COLUMN secret_mark BINARY(8) NULL COMMENT 'keyed, of the webhook secret that its subscriptions carry';
ALTER TABLE link ADD COLUMN rtmp_url_sealed VARBINARY(4096) NULL COMMENT 'Custom only';
ALTER TABLE link ADD COLUMN webhook_secret_sealed VARBINARY(256) NULL COMMENT 'Custom only: the key of its webhooks';
ALTER TABLE link DROP COLUMN subscribed_at;
CREATE INDEX link_due ON link (subscriptions_due_at);
CREATE INDEX link_token ON link (is_active, token_expires_at);
