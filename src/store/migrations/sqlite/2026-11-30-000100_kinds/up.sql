-- How a message is meant: 0 is said, 1 is done (`* ann waves`), 2 is a notice. What is older was said.
ALTER TABLE message ADD COLUMN kind SMALLINT NOT NULL DEFAULT 0;

-- The text with its colours and styles, if it came with any.
ALTER TABLE message ADD COLUMN styled TEXT;
