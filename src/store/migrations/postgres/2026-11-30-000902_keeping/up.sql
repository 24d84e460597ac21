-- What administrators have laid down for the past of a channel: 0 is what holds for all. Nothing of one
-- that is held is removed, deleted or edited.
CREATE TABLE keeping (
    channel_key TEXT PRIMARY KEY,
    channel     TEXT NOT NULL,
    days        BIGINT NOT NULL,
    messages    BIGINT NOT NULL,
    is_held     BOOLEAN NOT NULL
);
