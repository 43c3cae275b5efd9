-- How long things stay, and what a person keeps from ever going.

-- `active_at`: when mail last came, or somebody last asked for the inbox by its name (to the day).
ALTER TABLE inboxes ADD COLUMN active_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX inboxes_idle ON inboxes (active_at) WHERE deleted_at IS NULL;
CREATE INDEX inboxes_deleted ON inboxes (deleted_at) WHERE deleted_at IS NOT NULL;

-- Bytes of its filed emails, as they came.
ALTER TABLE tenants ADD COLUMN stored_bytes BIGINT NOT NULL DEFAULT 0;
UPDATE tenants SET stored_bytes = (SELECT COALESCE(SUM(e.size), 0) FROM emails e
    WHERE e.tenant_id = tenants.tenant_id AND e.state = 'filed');

-- Legal holds: what they are on is never removed. `inbox_id`: '' for the whole tenant.
CREATE TABLE holds (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    inbox_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    set_by TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, inbox_id)
);

-- How many days things of a tenant stay, where it is not what the settings say; 0: for ever.
CREATE TABLE retention (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    name TEXT NOT NULL,
    days BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
