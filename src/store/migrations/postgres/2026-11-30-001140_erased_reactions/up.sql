-- Erasing takes back what an account has reacted with, too, and counts it.
ALTER TABLE erasing ADD COLUMN reactions BIGINT NOT NULL DEFAULT 0;
