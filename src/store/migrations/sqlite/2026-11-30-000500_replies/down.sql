ALTER TABLE message DROP COLUMN reply_author;
ALTER TABLE message DROP COLUMN reply_to;
