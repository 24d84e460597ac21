-- The index has other terms now: words, and of scripts without spaces every
-- two neighbouring characters. It is filled anew in quiet moments; until then
-- the newest messages are looked through. It need not know where in a text a
-- term is, only in which column.
DROP TABLE message_search;

CREATE VIRTUAL TABLE message_search USING fts5 (
    place,
    text,
    content = '',
    contentless_delete = 1,
    detail = column,
    tokenize = 'ascii'
);

UPDATE search_state SET indexed_to = 0;
