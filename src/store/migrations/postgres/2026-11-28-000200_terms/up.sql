-- The vectors of messages have other terms now: words, and of scripts without
-- spaces every two neighbouring characters. Those of older messages are made
-- anew in quiet moments; made_to says how far that has got.
CREATE TABLE search_state (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    made_to BIGINT NOT NULL
);

INSERT INTO search_state (id, made_to) VALUES (1, 0);
