-- What is in force in a channel whose rules are not those of an open one: a JSON document, the
-- result of folding the channel's changes. Nothing in the database asks for a part of it.
CREATE TABLE channel (
    channel_key     TEXT PRIMARY KEY,
    channel         TEXT NOT NULL,
    -- The id of the change that was folded in last.
    version         BIGINT NOT NULL,
    rules           TEXT NOT NULL
);

-- The changes themselves: entries of a channel's log, as messages are. They have no number, so that
-- the messages of a conversation stay numbered without gaps.
CREATE TABLE channel_event (
    id              INTEGER PRIMARY KEY,
    channel_key     TEXT NOT NULL,
    at_ms           BIGINT NOT NULL,
    -- Who made it, and what it changes: JSON.
    author          TEXT NOT NULL,
    changes         TEXT NOT NULL
);

CREATE INDEX channel_event_by_channel ON channel_event (channel_key, id);

-- The channels of an account, and how far it has read in each.
CREATE TABLE account_channel (
    account_id      BIGINT NOT NULL REFERENCES account (id),
    channel_key     TEXT NOT NULL,
    channel         TEXT NOT NULL,
    read_up_to      BIGINT NOT NULL,
    is_muted        BOOLEAN NOT NULL DEFAULT FALSE,
    PRIMARY KEY (account_id, channel_key)
);

CREATE INDEX account_channel_by_channel ON account_channel (channel_key);
