-- The name under which a reverse proxy knows the owner of an account, who signs in by it.
CREATE TABLE remote_user (
    account_id  BIGINT PRIMARY KEY REFERENCES account (id),
    name        TEXT NOT NULL UNIQUE
);
