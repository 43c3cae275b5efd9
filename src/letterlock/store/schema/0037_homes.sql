-- Where a secret's value is: 'store' (sealed, in this row), 'kv2' (on the server of vault_url; `sealed` then holds what outgoing mail is
-- compared with), 'moving' (sealed in this row, to go there, and perhaps there already).
ALTER TABLE secrets ADD COLUMN home TEXT NOT NULL DEFAULT 'store';
CREATE INDEX secrets_elsewhere ON secrets (home, tenant_id, secret_id) WHERE removed_at IS NULL;

-- Values to be deleted on that server. They outlive their tenant.
CREATE TABLE secrets_left (
    tenant_id TEXT NOT NULL,
    secret_id TEXT NOT NULL,
    left_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, secret_id)
);
