-- When the traces of deleted and replaced texts are to be cleaned out of the index and of the
-- write-ahead log, and how many texts were deleted or replaced so far: what is deleted while that is
-- done needs another round.
ALTER TABLE search_state ADD COLUMN clean_at BIGINT;
ALTER TABLE search_state ADD COLUMN removals BIGINT NOT NULL DEFAULT 0;

UPDATE search_state SET clean_at = 0 WHERE EXISTS (SELECT 1 FROM message WHERE changed IS NOT NULL);
