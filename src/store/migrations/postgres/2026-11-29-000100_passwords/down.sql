DROP TABLE known_address;
ALTER TABLE account DROP COLUMN password_changes;
