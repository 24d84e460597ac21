-- The keys of names that are reserved for an account: the key of its username, and those of the
-- names that its username looks like. A server that starts adds the rows of accounts that are older
-- than this table.
CREATE TABLE account_key (
    key        TEXT COLLATE "C" PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id)
);

CREATE INDEX account_key_by_account ON account_key (account_id);

-- Accounts whose usernames look alike, because they are older than the rule.
CREATE TABLE name_collision (
    account_id BIGINT NOT NULL REFERENCES account (id),
    other_id   BIGINT NOT NULL REFERENCES account (id),
    PRIMARY KEY (account_id, other_id)
);

-- Passes that were revoked, until they would have expired.
CREATE TABLE ended_pass (
    pass       TEXT COLLATE "C" PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE INDEX ended_pass_by_expiry ON ended_pass (expires_at);
