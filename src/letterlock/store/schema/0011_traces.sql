-- What an agent read binds what it sends also when the mail is gone.

-- Digests of an email that an agent was shown (carried.trace); they outlive it for as long as it is compared.
CREATE TABLE traces (
    tenant_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    body BLOB NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, email_id)
);

CREATE INDEX traces_old ON traces (at);

-- `traced`: its trace is kept, or there is nothing to keep.
ALTER TABLE reads ADD COLUMN traced INTEGER NOT NULL DEFAULT 0;
CREATE INDEX reads_untraced ON reads (tenant_id, email_id) WHERE traced = 0;
CREATE INDEX reads_by_email ON reads (tenant_id, email_id);
