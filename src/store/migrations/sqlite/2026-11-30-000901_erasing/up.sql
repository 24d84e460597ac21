-- Orders to erase everything that an account has written: who carries it out says so in touched_at
-- again and again, so that another server takes over when that ends. The counts are the report.
CREATE TABLE erasing (
    account_id      BIGINT PRIMARY KEY,
    since_id        BIGINT NOT NULL,
    began_at        BIGINT NOT NULL,
    touched_at      BIGINT NOT NULL,
    done_at         BIGINT,
    messages        BIGINT NOT NULL DEFAULT 0,
    channels        BIGINT NOT NULL DEFAULT 0,
    direct_messages BIGINT NOT NULL DEFAULT 0,
    held            BIGINT NOT NULL DEFAULT 0
);
