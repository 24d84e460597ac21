DROP INDEX message_by_reaction;
DROP INDEX message_reacted;
ALTER TABLE message DROP COLUMN reactions;
ALTER TABLE message DROP COLUMN reacted;
