-- Runs on SQLite 3.35+ and PostgreSQL 15+. Times are milliseconds since 1970, UTC. tenant_id leads every key.

CREATE TABLE tenants (
    tenant_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    last_filed BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL
);

CREATE TABLE agents (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    agent_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, agent_id)
);

-- API keys, stored as SHA-256 of 256 random bits; `hint` is the last four characters, for people.
CREATE TABLE keys (
    tenant_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    scopes TEXT NOT NULL,
    inbox_id TEXT,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (tenant_id, key_id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents
);

-- address_key is unique over all tenants: SMTP has only the address to go by.
CREATE TABLE inboxes (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    inbox_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    address TEXT NOT NULL,
    address_key TEXT NOT NULL UNIQUE,
    purpose TEXT NOT NULL DEFAULT '',
    last_seq BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    deleted_at BIGINT,
    PRIMARY KEY (tenant_id, inbox_id),
    FOREIGN KEY (tenant_id, agent_id) REFERENCES agents
);

CREATE INDEX inboxes_ending ON inboxes (expires_at, deleted_at);

-- The bytes as they came, compressed. One row serves every inbox of the tenant that the same transaction reached.
CREATE TABLE raws (
    tenant_id TEXT NOT NULL,
    raw_id TEXT NOT NULL,
    uses INTEGER NOT NULL,
    codec TEXT NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (tenant_id, raw_id)
);

-- received -> filed -> deleted. `seq` counts without gaps in the inbox, `filed` in the tenant; both are given when the
-- email becomes visible, so that no cursor can pass an email that is not there yet.
CREATE TABLE emails (
    tenant_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    inbox_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('received', 'filed', 'deleted')),
    raw_id TEXT NOT NULL,
    size BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    envelope TEXT NOT NULL,
    recipient TEXT NOT NULL,
    seq BIGINT,
    filed BIGINT,
    thread_id TEXT,
    message_id TEXT,
    from_address TEXT,
    from_name TEXT,
    from_domain TEXT,
    aligned INTEGER,
    subject TEXT,
    snippet TEXT,
    level TEXT,
    score REAL,
    category TEXT,
    attachments INTEGER,
    links INTEGER,
    unread INTEGER,
    code TEXT,
    code_given_at BIGINT,
    inspection BLOB,
    PRIMARY KEY (tenant_id, email_id),
    FOREIGN KEY (tenant_id, inbox_id) REFERENCES inboxes
);

CREATE INDEX emails_unfiled ON emails (email_id, inbox_id) WHERE state = 'received';
CREATE UNIQUE INDEX emails_by_seq ON emails (tenant_id, inbox_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX emails_by_filed ON emails (tenant_id, filed) WHERE filed IS NOT NULL;
CREATE INDEX emails_by_sender ON emails (tenant_id, from_domain, filed) WHERE filed IS NOT NULL;
CREATE INDEX emails_unread ON emails (tenant_id, inbox_id, seq) WHERE unread = 1;
CREATE INDEX emails_with_code ON emails (tenant_id, inbox_id, seq) WHERE code IS NOT NULL;
CREATE INDEX emails_by_thread ON emails (tenant_id, thread_id, seq) WHERE thread_id IS NOT NULL;

-- What was accepted lately, to fold a resend after a lost 250 into the email that is already there.
CREATE TABLE acceptances (
    tenant_id TEXT NOT NULL,
    inbox_id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    email_id TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, inbox_id, fingerprint)
);

CREATE INDEX acceptances_old ON acceptances (received_at);

CREATE TABLE findings (
    tenant_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    n INTEGER NOT NULL,
    rule TEXT NOT NULL,
    reason TEXT NOT NULL,
    weight REAL NOT NULL,
    location TEXT NOT NULL,
    span_start INTEGER NOT NULL,
    span_end INTEGER NOT NULL,
    excerpt TEXT NOT NULL,
    PRIMARY KEY (tenant_id, email_id, n),
    FOREIGN KEY (tenant_id, email_id) REFERENCES emails ON DELETE CASCADE
);

CREATE TABLE threads (
    tenant_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    inbox_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, thread_id)
);

-- Which thread of an inbox a Message-ID belongs to, for mail in both directions.
CREATE TABLE thread_messages (
    tenant_id TEXT NOT NULL,
    inbox_id TEXT NOT NULL,
    message_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, inbox_id, message_id)
);

-- One outbound email frozen as bytes: what was decided and approved is exactly what is sent. `held_by`: the code of what
-- keeps it (or some of its recipients) back, '' for nothing. Its state is what its deliveries say.
CREATE TABLE submissions (
    tenant_id TEXT NOT NULL,
    submission_id TEXT NOT NULL,
    inbox_id TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    held_by TEXT NOT NULL,
    reasons TEXT NOT NULL,
    sender TEXT NOT NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    body_text TEXT NOT NULL,
    message_id TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    reply_to_email_id TEXT,
    sha256 TEXT NOT NULL,
    raw BLOB NOT NULL,
    size BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, submission_id),
    UNIQUE (tenant_id, inbox_id, idempotency_key),
    FOREIGN KEY (tenant_id, inbox_id) REFERENCES inboxes
);

CREATE INDEX submissions_by_thread ON submissions (tenant_id, thread_id, created_at);
CREATE INDEX submissions_held ON submissions (held_by) WHERE held_by <> '';

-- The way of a submission to one recipient; also the queue. `next_at`: when it is due, NULL when nothing is left to do or
-- it is held. A lease is fenced by owner and attempts. `unanswered`: how often the message was handed over and no answer
-- came back, which is written before the final dot.
CREATE TABLE deliveries (
    tenant_id TEXT NOT NULL,
    submission_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    route TEXT NOT NULL CHECK (route IN ('local', 'relay')),
    state TEXT NOT NULL CHECK (state IN ('queued', 'held', 'sent', 'delivered', 'bounced', 'uncertain', 'cancelled')),
    attempts INTEGER NOT NULL DEFAULT 0,
    unanswered INTEGER NOT NULL DEFAULT 0,
    next_at BIGINT,
    lease_owner TEXT,
    lease_until BIGINT,
    reply TEXT NOT NULL DEFAULT '',
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, submission_id, recipient),
    FOREIGN KEY (tenant_id, submission_id) REFERENCES submissions ON DELETE CASCADE
);

CREATE INDEX deliveries_due ON deliveries (route, next_at) WHERE next_at IS NOT NULL;

CREATE TABLE audit (
    tenant_id TEXT NOT NULL,
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant_id, n)
);

-- What the postmaster of this data folder listens on, for the other processes to tell: at most one row.
CREATE TABLE postmaster (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    pid BIGINT NOT NULL,
    listening TEXT NOT NULL,
    problem TEXT NOT NULL,
    seen_at BIGINT NOT NULL
);
