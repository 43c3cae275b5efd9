-- Secrets found in mail, sealed by vault.py: what stands here in the clear says what there is, never what it is.

-- The key that a tenant's secrets are sealed with, itself sealed by the master key named `wrapped_by`. A higher version is made
-- only where no master key opens the one before.
CREATE TABLE vault_keys (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    version BIGINT NOT NULL,
    wrapped BLOB NOT NULL,
    wrapped_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, version)
);

-- `print`: a keyed hash of the value, by which the same secret of an email that is read again is known. `proved`: the sender
-- proved to be the `service`. A removed one keeps its row, so that reading the email again does not bring it back.
CREATE TABLE secrets (
    tenant_id TEXT NOT NULL,
    secret_id TEXT NOT NULL,
    email_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    service TEXT NOT NULL,
    proved INTEGER NOT NULL,
    print BLOB NOT NULL,
    sealed BLOB NOT NULL,
    found_at BIGINT NOT NULL,
    used_at BIGINT,
    revealed_at BIGINT,
    removed_at BIGINT,
    PRIMARY KEY (tenant_id, secret_id),
    UNIQUE (tenant_id, email_id, print),
    FOREIGN KEY (tenant_id, email_id) REFERENCES emails ON DELETE CASCADE
);

CREATE INDEX secrets_found ON secrets (tenant_id, found_at) WHERE removed_at IS NULL;

-- How many secrets its reading found; while the vault could not be opened, its bytes are still as they came.
ALTER TABLE emails ADD COLUMN secrets INTEGER NOT NULL DEFAULT 0;
CREATE INDEX emails_with_secrets ON emails (tenant_id, email_id) WHERE secrets > 0;
