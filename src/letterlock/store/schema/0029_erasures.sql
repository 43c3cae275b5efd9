-- Erasures that began and are not at their end, so that one that was cut off is known and goes on.

-- `subject`: the id of the inbox or tenant, the address of a person; `name`: the address of the inbox, the name of the tenant; the
-- counts: what went so far; `sha256`: of the ids of that; `stopped`: why it does not go on, '' while it may.
CREATE TABLE erasures (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    kind TEXT NOT NULL CHECK (kind IN ('inbox', 'tenant', 'person')),
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    moved_at BIGINT NOT NULL,
    stopped TEXT NOT NULL DEFAULT '',
    emails BIGINT NOT NULL DEFAULT 0,
    submissions BIGINT NOT NULL DEFAULT 0,
    inboxes BIGINT NOT NULL DEFAULT 0,
    other BIGINT NOT NULL DEFAULT 0,
    sha256 TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, kind, subject)
);

-- A row while bytes of what was erased may lie in gaps of the store's file, since when.
CREATE TABLE compaction (
    one BIGINT PRIMARY KEY CHECK (one = 1),
    due_since BIGINT NOT NULL
);
