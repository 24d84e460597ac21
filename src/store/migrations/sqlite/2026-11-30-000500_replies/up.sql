-- The message that a message answers, in the same conversation, and its author's nickname at the
-- time, so that showing an answer needs no look-up.
ALTER TABLE message ADD COLUMN reply_to BIGINT;
ALTER TABLE message ADD COLUMN reply_author TEXT;
