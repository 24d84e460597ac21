DROP TABLE message_search;

CREATE VIRTUAL TABLE message_search USING fts5 (
    place,
    text,
    content = '',
    contentless_delete = 1,
    tokenize = 'ascii'
);

UPDATE search_state SET indexed_to = 0;
