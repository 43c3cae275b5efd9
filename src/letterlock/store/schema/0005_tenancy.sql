-- Many tenants, each with agents of two kinds, keys that are named, rotated and restricted, and limits of its own.

-- `closed_at`: its keys count no longer and its inboxes are deleted.
ALTER TABLE tenants ADD COLUMN closed_at BIGINT;
CREATE UNIQUE INDEX tenants_by_name ON tenants (name) WHERE closed_at IS NULL;

-- `kind`: only keys of a person may hold the scopes of people.
ALTER TABLE agents ADD COLUMN kind TEXT NOT NULL DEFAULT 'agent' CHECK (kind IN ('agent', 'person'));
ALTER TABLE agents ADD COLUMN removed_at BIGINT;
CREATE UNIQUE INDEX agents_by_name ON agents (tenant_id, name) WHERE removed_at IS NULL;

-- `used_at`: to the minute.
ALTER TABLE keys ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE keys ADD COLUMN used_at BIGINT;
CREATE INDEX keys_by_agent ON keys (tenant_id, agent_id);

-- How often in an hour a tenant may do a thing, where it is not what the settings say.
CREATE TABLE limits (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    name TEXT NOT NULL,
    most BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);

-- Each time a thing with a limit was done, numbered without gaps: the one that many numbers ago tells whether there is
-- room for another.
CREATE TABLE takes (
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name, n)
);

CREATE INDEX inboxes_by_agent ON inboxes (tenant_id, agent_id);
