-- The servers that mail of tenants' domains leaves by.

-- `relay_id`: a new one whenever it is set anew. `security`: starttls, tls or none. `sealed`: by vault.py, the password; empty where
-- there is no login.
CREATE TABLE domain_relays (
    tenant_id TEXT NOT NULL,
    domain_id TEXT NOT NULL,
    relay_id TEXT NOT NULL,
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    security TEXT NOT NULL CHECK (security IN ('starttls', 'tls', 'none')),
    username TEXT NOT NULL,
    sealed BLOB NOT NULL,
    set_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, domain_id),
    FOREIGN KEY (tenant_id, domain_id) REFERENCES domains ON DELETE CASCADE
);
