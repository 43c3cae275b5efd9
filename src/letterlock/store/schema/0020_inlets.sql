-- Inlets: ways for a service in front of this one to hand in mail of one domain.

-- `domain`: A-labels, of the tenant or (for the default tenant) that of the settings. `service`: whose wording and proofs it
-- speaks; 'raw' for the email as it is. `hash`: of its secret. `sealed`: by vault.py, the key that Mailgun signs with. `topic`:
-- the one Amazon SNS topic that is believed; `confirms`: a subscription of it is confirmed when SNS asks.
CREATE TABLE inlets (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    inlet_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    service TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    hint TEXT NOT NULL,
    sealed BLOB,
    topic TEXT NOT NULL DEFAULT '',
    confirms INTEGER NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, inlet_id)
);

CREATE INDEX inlets_by_domain ON inlets (tenant_id, domain);

-- What a service signs once, as a hash: it does not count a second time.
CREATE TABLE inlet_tokens (
    tenant_id TEXT NOT NULL,
    inlet_id TEXT NOT NULL,
    token TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, inlet_id, token),
    FOREIGN KEY (tenant_id, inlet_id) REFERENCES inlets ON DELETE CASCADE
);

CREATE INDEX inlet_tokens_old ON inlet_tokens (at);
