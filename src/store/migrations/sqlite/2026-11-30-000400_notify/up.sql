-- What the account wants to be notified of: 0 are mentions, 1 is all, 2 is nothing.
ALTER TABLE account_channel ADD COLUMN notify SMALLINT NOT NULL DEFAULT 0;
