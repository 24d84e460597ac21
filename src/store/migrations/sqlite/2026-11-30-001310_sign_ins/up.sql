-- Where accounts are signed in: a row for each pass of a nickname that was given to its owner, and for
-- each token of the API for direct messages. It is a list to be shown; whether a pass or a token is
-- valid is decided without it. used_at is to the hour.
CREATE TABLE sign_in (
    id         TEXT PRIMARY KEY,
    account_id BIGINT NOT NULL REFERENCES account (id),
    is_token   BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    address    TEXT NOT NULL,
    client     TEXT NOT NULL
);
CREATE INDEX sign_in_of ON sign_in (account_id, used_at);
CREATE INDEX sign_in_end ON sign_in (expires_at);

INSERT INTO sign_in (id, account_id, is_token, created_at, used_at, expires_at, address, client)
SELECT access_key_id, account_id, TRUE, created_at, created_at, expires_at, '', ''
FROM token WHERE is_active;
