-- The index for full-text search. It holds no text of its own and is filled later, up to the
-- message whose id is in search_state. It is given words without case and accents, so it needs to
-- know nothing of either.
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
