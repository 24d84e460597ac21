-- The index for full-text search. It holds no text of its own and is filled
-- after the fact, up to the message whose id search_state names. What it gets
-- are words without case and accents, so that it need not know of either.
CREATE VIRTUAL TABLE message_search USING fts5 (
    place,
    text,
    content = '',
    contentless_delete = 1,
    tokenize = 'ascii'
);

CREATE TABLE search_state (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    indexed_to BIGINT NOT NULL
);

INSERT INTO search_state (id, indexed_to) VALUES (1, 0);
