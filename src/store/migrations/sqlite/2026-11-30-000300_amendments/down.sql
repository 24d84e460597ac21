DROP INDEX message_changed;
DROP INDEX message_by_change;
ALTER TABLE message DROP COLUMN changed;
