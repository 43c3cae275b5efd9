-- Where a tenant wants its events sent. `filed` and `noted`: the last event its endpoint took (the tenant's numbers of an
-- email and of a row of the audit log). `events`: blank-separated kinds, '' for all; `inbox_id`: '' for all. `secret` must be
-- known to sign with. `failing_since` and `ended_at` are null while all is well; `next_at`: not to be tried before.
CREATE TABLE webhooks (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    webhook_id TEXT NOT NULL,
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    events TEXT NOT NULL,
    inbox_id TEXT NOT NULL,
    filed BIGINT NOT NULL,
    noted BIGINT NOT NULL,
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    next_at BIGINT NOT NULL DEFAULT 0,
    last_answer TEXT NOT NULL DEFAULT '',
    ended_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, webhook_id)
);
