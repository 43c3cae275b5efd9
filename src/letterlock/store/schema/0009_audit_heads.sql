-- The end of each tenant's audit log, sealed with a key that is not in the store, so that rows cut off the end are missed.

-- `seal`: of tenant, n and hash (Transaction.seal), '' when what it continues was found forged.
CREATE TABLE audit_heads (
    tenant_id TEXT PRIMARY KEY,
    n BIGINT NOT NULL,
    hash TEXT NOT NULL,
    seal TEXT NOT NULL
);

-- `salt`: random, part of the hash, so that what was erased cannot be guessed from that; '' in rows of before.
ALTER TABLE audit ADD COLUMN salt TEXT NOT NULL DEFAULT '';
