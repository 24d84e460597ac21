-- How often the account's password has been changed: a pass says how often it
-- had been when the pass was given out, and is worth nothing after the next time.
ALTER TABLE account ADD COLUMN password_changes BIGINT NOT NULL DEFAULT 0;

-- Where accounts were lately logged in to from: nobody else can use up the
-- guesses of these addresses. A server that stands alone keeps them here.
CREATE TABLE known_address (
    account_id BIGINT NOT NULL REFERENCES account (id),
    address    TEXT NOT NULL,
    at_ms      BIGINT NOT NULL,
    PRIMARY KEY (account_id, address)
);

CREATE INDEX known_address_by_time ON known_address (at_ms);
