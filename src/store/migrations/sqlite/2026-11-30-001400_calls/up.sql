-- What every program has posted lately, and not hooks alone: hook_id is a token or a hook, and may be of
-- one that was removed meanwhile. content tells what was posted from something else, if the program may
-- not use the mark again for that.
CREATE TABLE seen (
    hook_id     TEXT NOT NULL,
    mark        TEXT NOT NULL,
    message_id  BIGINT NOT NULL,
    at_ms       BIGINT NOT NULL,
    content     TEXT,
    PRIMARY KEY (hook_id, mark)
);
INSERT INTO seen (hook_id, mark, message_id, at_ms)
SELECT hook_id, mark, message_id, at_ms FROM hook_seen;
DROP TABLE hook_seen;
ALTER TABLE seen RENAME TO hook_seen;
CREATE INDEX hook_seen_by_time ON hook_seen (at_ms);
