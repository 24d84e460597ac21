-- The channels of hooks. signing is the key for signatures, which both sides must have; made_by is
-- the operator of the channel who made it, unless administrators did.
CREATE TABLE hook (
    id          TEXT COLLATE "C" PRIMARY KEY REFERENCES program_token (id),
    channel_key TEXT COLLATE "C" NOT NULL,
    channel     TEXT COLLATE "C" NOT NULL,
    signing     TEXT COLLATE "C",
    made_by     TEXT COLLATE "C"
);
CREATE INDEX hook_by_channel ON hook (channel_key);

-- What was posted to hooks lately, so that a call that comes again publishes nothing.
CREATE TABLE hook_seen (
    hook_id     TEXT COLLATE "C" NOT NULL REFERENCES hook (id),
    mark        TEXT COLLATE "C" NOT NULL,
    message_id  BIGINT NOT NULL,
    at_ms       BIGINT NOT NULL,
    PRIMARY KEY (hook_id, mark)
);
CREATE INDEX hook_seen_by_time ON hook_seen (at_ms);
