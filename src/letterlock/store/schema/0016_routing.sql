-- Where mail goes once it is filed: rules, labels, who works on a thread, what is forwarded.

-- `conditions` and `outcomes` are JSON (routing.py). Higher `priority` first, of equal ones the older.
CREATE TABLE rules (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    rule_id TEXT NOT NULL,
    name TEXT NOT NULL,
    priority BIGINT NOT NULL,
    stop INTEGER NOT NULL,
    conditions TEXT NOT NULL,
    outcomes TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, rule_id)
);

-- `filed`: that of the email, so that the emails of a label are listed in its order.
CREATE TABLE labels (
    tenant_id TEXT NOT NULL,
    label TEXT NOT NULL,
    email_id TEXT NOT NULL,
    filed BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, email_id, label),
    FOREIGN KEY (tenant_id, email_id) REFERENCES emails ON DELETE CASCADE
);

CREATE INDEX emails_by_label ON labels (tenant_id, label, filed);

CREATE TABLE thread_agents (
    tenant_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('OWNER', 'PARTICIPANT', 'OBSERVER')),
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, thread_id, agent_id),
    FOREIGN KEY (tenant_id, thread_id) REFERENCES threads ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents
);

CREATE UNIQUE INDEX thread_owners ON thread_agents (tenant_id, thread_id) WHERE role = 'OWNER';
CREATE INDEX threads_of_agent ON thread_agents (tenant_id, agent_id, at);

-- Emails a rule forwards to a person; also the queue. `next_at`: when it is due, NULL when it ended; `ended`: how, ''
-- before: the submission, or why there is none.
CREATE TABLE forwards (
    tenant_id TEXT NOT NULL,
    forward_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    rule_id TEXT NOT NULL,
    address TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at BIGINT,
    ended TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, forward_id),
    UNIQUE (tenant_id, email_id, address),
    FOREIGN KEY (tenant_id, email_id) REFERENCES emails ON DELETE CASCADE
);

CREATE INDEX forwards_due ON forwards (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX forwards_of_thread ON forwards (tenant_id, thread_id, created_at);

-- Threads that were handed to a person. `note`: what the person says when it is done, for the agent to read.
CREATE TABLE escalations (
    tenant_id TEXT NOT NULL,
    escalation_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    inbox_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    resolved_at BIGINT,
    resolved_by TEXT NOT NULL DEFAULT '',
    note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, escalation_id),
    FOREIGN KEY (tenant_id, thread_id) REFERENCES threads ON DELETE CASCADE
);

CREATE UNIQUE INDEX escalations_open ON escalations (tenant_id, thread_id) WHERE resolved_at IS NULL;
CREATE INDEX escalations_of_thread ON escalations (tenant_id, thread_id, escalation_id);
