CREATE TABLE seen (
    hook_id     TEXT NOT NULL REFERENCES hook (id),
    mark        TEXT NOT NULL,
    message_id  BIGINT NOT NULL,
    at_ms       BIGINT NOT NULL,
    PRIMARY KEY (hook_id, mark)
);
INSERT INTO seen (hook_id, mark, message_id, at_ms)
SELECT hook_id, mark, message_id, at_ms FROM hook_seen
WHERE hook_id IN (SELECT id FROM hook);
DROP TABLE hook_seen;
ALTER TABLE seen RENAME TO hook_seen;
CREATE INDEX hook_seen_by_time ON hook_seen (at_ms);
