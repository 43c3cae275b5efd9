-- Addresses whose inbox is gone with its mail: nobody but the tenant that had one may ever have it again, or strangers
-- would get what is sent to who was there before.
CREATE TABLE former_addresses (
    address_key TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL REFERENCES tenants
);

-- Addresses kept ready for a tenant; from `ready_at` on one may be leased. `pooled`: the inbox was leased from there.
CREATE TABLE pool (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    domain TEXT NOT NULL,
    address TEXT NOT NULL,
    address_key TEXT NOT NULL UNIQUE,
    ready_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, domain, ready_at, address_key)
);

ALTER TABLE inboxes ADD COLUMN pooled INTEGER NOT NULL DEFAULT 0;
