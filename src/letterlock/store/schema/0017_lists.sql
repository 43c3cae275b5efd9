-- Whose mail is taken and who is written to, as people say. `whose`: an inbox, an agent, or '*' for the whole tenant;
-- `name`: an address, or @example.com for a domain and those below it. What one inbox trusts is in inboxes.allowed, whom
-- people vouch for in contacts.
CREATE TABLE lists (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    side TEXT NOT NULL CHECK (side IN ('from', 'to')),
    kind TEXT NOT NULL CHECK (kind IN ('allow', 'block')),
    whose TEXT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, side, kind, name, whose)
);

-- Mail of blocked senders: kept for some days, shown to nobody. `released_at`: a person wants it after all.
CREATE TABLE blocked (
    tenant_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    inbox_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    released_at BIGINT,
    PRIMARY KEY (tenant_id, email_id),
    FOREIGN KEY (tenant_id, email_id) REFERENCES emails ON DELETE CASCADE
);

CREATE INDEX blocked_old ON blocked (at) WHERE released_at IS NULL;
