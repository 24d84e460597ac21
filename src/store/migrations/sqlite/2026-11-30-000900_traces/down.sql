ALTER TABLE search_state DROP COLUMN removals;
ALTER TABLE search_state DROP COLUMN clean_at;
