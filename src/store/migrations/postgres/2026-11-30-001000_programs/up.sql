-- Accounts that programs speak as: nobody logs in to them.
CREATE TABLE bot (
    account_id  BIGINT PRIMARY KEY REFERENCES account (id)
);

-- What programs prove themselves with: 0 are tokens, 1 are hooks, whose secret is in an address. Of the
-- secret, a hash. used_at is to the minute, rate is calls a minute.
CREATE TABLE program_token (
    id          TEXT COLLATE "C" PRIMARY KEY,
    name        TEXT COLLATE "C" NOT NULL,
    kind        SMALLINT NOT NULL,
    secret_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    scopes      TEXT COLLATE "C" NOT NULL,
    account_id  BIGINT REFERENCES account (id),
    bot         TEXT COLLATE "C",
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT,
    used_at     BIGINT,
    rate        BIGINT NOT NULL
);
