DROP TABLE password_reset;
ALTER TABLE account DROP COLUMN seen_at;
ALTER TABLE account DROP COLUMN deleted_at;
ALTER TABLE account DROP COLUMN disabled_at;
