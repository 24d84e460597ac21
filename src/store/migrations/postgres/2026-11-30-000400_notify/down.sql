ALTER TABLE account_channel DROP COLUMN notify;
