-- The index for full-text search. It holds no text of its own and is filled
-- after the fact, up to the message whose id search_state names.
CREATE VIRTUAL TABLE message_search USING fts5 (
    place,
    text,
    content = '',
    contentless_delete = 1,
    tokenize = 'unicode61 remove_diacritics 2'
);

CREATE TABLE search_state (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    indexed_to BIGINT NOT NULL
);

INSERT INTO search_state (id, indexed_to) VALUES (1, 0);
