-- Where hooks send what is said in their channels. triggers has one a line. fed_to is the message up
-- to which all that are for the hook are in delivery; next_at is when the first of these may be
-- tried. last_* is the last attempt. held_by is the server that sends, until held_until.
CREATE TABLE hook_out (
    id          TEXT COLLATE "C" PRIMARY KEY REFERENCES hook (id),
    url         TEXT COLLATE "C" NOT NULL,
    triggers    TEXT COLLATE "C" NOT NULL,
    fed_to      BIGINT NOT NULL,
    next_at     BIGINT NOT NULL,
    paused_at   BIGINT,
    paused_why  TEXT COLLATE "C",
    last_at     BIGINT,
    last_status SMALLINT,
    last_error  TEXT COLLATE "C",
    held_by     TEXT COLLATE "C",
    held_until  BIGINT NOT NULL
);

-- Messages on their way to hooks: of a message, the id, so that nothing is left here of one that is
-- deleted. is_failed: tried for long enough.
CREATE TABLE delivery (
    hook_id     TEXT COLLATE "C" NOT NULL REFERENCES hook_out (id),
    message_id  BIGINT NOT NULL,
    attempts    BIGINT NOT NULL,
    first_at    BIGINT,
    tried_at    BIGINT,
    status      SMALLINT,
    error       TEXT COLLATE "C",
    is_failed   BOOLEAN NOT NULL,
    PRIMARY KEY (hook_id, is_failed, message_id)
);
