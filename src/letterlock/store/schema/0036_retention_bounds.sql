-- Between which days (0 as `most`: for ever too) the admins of a tenant may choose themselves how long things of it stay.
CREATE TABLE retention_bounds (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    name TEXT NOT NULL,
    least BIGINT NOT NULL,
    most BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, name)
);
