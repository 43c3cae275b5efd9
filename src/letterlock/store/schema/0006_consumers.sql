-- How far each consumer of an agent has come: `place` is the number of the last email it was given (emails.seq in one
-- inbox, emails.filed where inbox_id is ''), `before` where it stood one answer earlier, so that a lost one can be had again.
CREATE TABLE consumers (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    agent_id TEXT NOT NULL,
    name TEXT NOT NULL,
    inbox_id TEXT NOT NULL,
    place BIGINT NOT NULL,
    before BIGINT NOT NULL,
    polled_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, name, inbox_id)
);
