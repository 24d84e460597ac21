-- An account that was disabled or deleted by an administrator cannot be used. The row of a deleted one
-- stays: messages refer to it, and its name is reserved. seen_at is to within an hour.
ALTER TABLE account ADD COLUMN disabled_at BIGINT;
ALTER TABLE account ADD COLUMN deleted_at BIGINT;
ALTER TABLE account ADD COLUMN seen_at BIGINT;

-- Links with which the owner of an account sets a new password: at most one for each, used once. Of its
-- secret, a hash.
CREATE TABLE password_reset (
    account_id  BIGINT PRIMARY KEY REFERENCES account (id),
    secret_hash TEXT COLLATE "C" NOT NULL UNIQUE,
    expires_at  BIGINT NOT NULL
);
