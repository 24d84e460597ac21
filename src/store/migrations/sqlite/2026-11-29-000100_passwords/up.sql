-- How often the account's password has been changed. A pass holds the number at the time it was
-- issued, and is not valid once the account has another.
ALTER TABLE account ADD COLUMN password_changes BIGINT NOT NULL DEFAULT 0;

-- The addresses from which accounts were recently logged in to: guesses from elsewhere do not count
-- against these. A server that stands alone keeps them here.
CREATE TABLE known_address (
    account_id BIGINT NOT NULL REFERENCES account (id),
    address    TEXT NOT NULL,
    at_ms      BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
);

CREATE INDEX known_address_by_time ON known_address (at_ms);
