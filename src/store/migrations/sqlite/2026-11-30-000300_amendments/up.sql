-- The id of the last change of a message that was edited or deleted. A deleted one keeps its row,
-- of kind 3 and without text, so that the messages of a conversation stay numbered without gaps.
ALTER TABLE message ADD COLUMN changed BIGINT;

-- What has changed in a conversation since a client was last there, and the highest id of all.
CREATE INDEX message_by_change ON message (conversation_id, changed) WHERE changed IS NOT NULL;
CREATE INDEX message_changed ON message (changed) WHERE changed IS NOT NULL;
