-- The server that mail of a tenant leaves by where its domain has none of its own; as in domain_relays.
CREATE TABLE tenant_relays (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    relay_id TEXT NOT NULL,
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    security TEXT NOT NULL CHECK (security IN ('starttls', 'tls', 'none')),
    username TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id)
);

-- Whether the owner lets mail from a tenant's inboxes on the shared domain leave by it, too.
ALTER TABLE tenants ADD COLUMN relay_shared BIGINT NOT NULL DEFAULT 0;
