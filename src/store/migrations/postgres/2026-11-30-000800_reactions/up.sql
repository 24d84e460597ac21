-- What users have reacted to a message with: a line for each user and sign, and the id of the last
-- change of it. One column, so that reading a message needs no other query.
ALTER TABLE message ADD COLUMN reactions TEXT;
ALTER TABLE message ADD COLUMN reacted BIGINT;

-- What users have reacted to since a client was last there, and the highest id of all.
CREATE INDEX message_by_reaction ON message (conversation_id, reacted) WHERE reacted IS NOT NULL;
CREATE INDEX message_reacted ON message (reacted) WHERE reacted IS NOT NULL;
