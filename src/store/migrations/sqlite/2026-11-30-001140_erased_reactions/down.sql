ALTER TABLE erasing DROP COLUMN reactions;
