-- Times are milliseconds since 1970 UTC. A message id is packed into one
-- integer that sorts as the id does: milliseconds * 2^20 + sequence.

CREATE TABLE account (
    id            INTEGER PRIMARY KEY,
    username      TEXT NOT NULL,
    username_key  TEXT NOT NULL UNIQUE,
    first_name    TEXT NOT NULL,
    last_name     TEXT NOT NULL,
    email         TEXT,
    email_key     TEXT UNIQUE,
    phone         TEXT,
    phone_key     TEXT UNIQUE,
    password_hash TEXT NOT NULL,
    created_at    BIGINT NOT NULL
);

CREATE TABLE ignored (
    account_id    BIGINT NOT NULL REFERENCES account (id),
    nickname_key  TEXT NOT NULL,
    nickname      TEXT NOT NULL,
    PRIMARY KEY (account_id, nickname_key)
);

CREATE TABLE token (
    access_key_id     TEXT PRIMARY KEY,
    secret_access_key TEXT NOT NULL,
    refresh_token     TEXT NOT NULL UNIQUE,
    account_id        BIGINT NOT NULL REFERENCES account (id),
    created_at        BIGINT NOT NULL,
    expires_at        BIGINT NOT NULL,
    modified_at       BIGINT NOT NULL,
    is_refreshable    BOOLEAN NOT NULL,
    is_active         BOOLEAN NOT NULL
);

CREATE INDEX token_by_expiry ON token (expires_at);

-- A channel, or the thread between two accounts (the lower id first). Its
-- messages are numbered without gaps; retention takes the lowest numbers away
-- and leaves here how far it came.
CREATE TABLE conversation (
    id               INTEGER PRIMARY KEY,
    channel          TEXT,
    channel_key      TEXT UNIQUE,
    low_account      BIGINT REFERENCES account (id),
    high_account     BIGINT REFERENCES account (id),
    removed_number   BIGINT NOT NULL DEFAULT 0,
    removed_from_low BIGINT NOT NULL DEFAULT 0,
    removed_id       BIGINT NOT NULL DEFAULT 0,
    UNIQUE (low_account, high_account)
);

-- No foreign keys here: the writer knows that both parents exist, and every
-- look-up would be paid for with each message.
CREATE TABLE message (
    id              INTEGER PRIMARY KEY,
    conversation_id BIGINT NOT NULL,
    number          BIGINT NOT NULL,
    -- How many of the thread's messages up to this one the lower account wrote.
    from_low        BIGINT NOT NULL,
    author          TEXT NOT NULL,
    account_id      BIGINT,
    at_ms           BIGINT NOT NULL,
    text            TEXT NOT NULL
);

CREATE UNIQUE INDEX message_by_number ON message (conversation_id, number);

-- One side of a thread: for the inbox, and how much of it has been read.
CREATE TABLE participant (
    account_id      BIGINT NOT NULL REFERENCES account (id),
    peer_id         BIGINT NOT NULL REFERENCES account (id),
    conversation_id BIGINT NOT NULL REFERENCES conversation (id),
    last_message_id BIGINT NOT NULL,
    -- How many of the messages this account received it has read.
    received_read   BIGINT NOT NULL,
    PRIMARY KEY (account_id, peer_id)
);

CREATE INDEX participant_by_latest ON participant (account_id, last_message_id);

-- Something is written here, and taken away, to see whether that works.
CREATE TABLE scratch (
    filler BLOB NOT NULL
);
