-- What decides whether an email may leave: what an agent has read, whom it knows, what a person said.

-- Emails an agent was shown, and whether anything vouches for them (0: they taint the agent for some hours).
CREATE TABLE reads (
    tenant_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    level TEXT NOT NULL,
    vouched INTEGER NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, email_id)
);

CREATE INDEX reads_lately ON reads (tenant_id, agent_id, at);

-- Addresses and whole domains (@example.com) an agent may write to: 'sent' it wrote there before, 'named' a person
-- vouches for it, for every agent of the tenant ('*').
CREATE TABLE contacts (
    tenant_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    address_key TEXT NOT NULL,
    how TEXT NOT NULL CHECK (how IN ('sent', 'named')),
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, agent_id, address_key)
);

CREATE TABLE suppressions (
    tenant_id TEXT NOT NULL,
    address_key TEXT NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, address_key)
);

-- `outside`: recipients beyond the tenant. `verdict` of the person it waited for: '' none yet or none needed, approved,
-- denied, expired; `approve_until`: when the question lapses.
ALTER TABLE submissions ADD COLUMN outside INTEGER NOT NULL DEFAULT 0;
ALTER TABLE submissions ADD COLUMN verdict TEXT NOT NULL DEFAULT '';
ALTER TABLE submissions ADD COLUMN approve_until BIGINT;
CREATE INDEX submissions_by_message ON submissions (tenant_id, message_id);
CREATE INDEX submissions_outside ON submissions (tenant_id, created_at) WHERE outside > 0;

ALTER TABLE tenants ADD COLUMN paused_at BIGINT;
ALTER TABLE inboxes ADD COLUMN suspended TEXT NOT NULL DEFAULT '';
