-- Domains of tenants. Many may claim one; the ownership record in the DNS decides which of them holds it.

-- `name`: A-labels. `token`: what the ownership record must hold. pending -> verified -> failing -> lapsed; 'removed' stays for as
-- long as there are inboxes of it. `report`: what the DNS said last, as JSON. `next_check_at`: NULL when only a person
-- has it looked at again. `unowned_since`: the ownership record is gone. `catch_all`: the inbox that gets what no other does.
CREATE TABLE domains (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    domain_id TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'verified', 'failing', 'lapsed', 'removed')),
    token TEXT NOT NULL,
    catch_all TEXT,
    report TEXT NOT NULL DEFAULT '',
    checked_at BIGINT,
    next_check_at BIGINT,
    verified_at BIGINT,
    failing_since BIGINT,
    unowned_since BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, domain_id),
    UNIQUE (tenant_id, name)
);

CREATE UNIQUE INDEX domains_held ON domains (name) WHERE state IN ('verified', 'failing');
CREATE INDEX domains_by_name ON domains (name, tenant_id, state);
CREATE INDEX domains_due ON domains (next_check_at) WHERE next_check_at IS NOT NULL;

-- DKIM keys of a domain, PEM, and the value of their DNS record. 'new': not seen in the DNS yet; 'signing'; 'retiring': signs no more, gone at `retire_at`.
CREATE TABLE dkim_keys (
    tenant_id TEXT NOT NULL,
    domain_id TEXT NOT NULL,
    selector TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('rsa', 'ed25519')),
    pem TEXT NOT NULL,
    record TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('new', 'signing', 'retiring')),
    created_at BIGINT NOT NULL,
    retire_at BIGINT,
    PRIMARY KEY (tenant_id, domain_id, selector),
    FOREIGN KEY (tenant_id, domain_id) REFERENCES domains ON DELETE CASCADE
);

-- What stands behind the @ of address_key; '' when the address was given up to the new owner of its domain.
ALTER TABLE inboxes ADD COLUMN domain TEXT NOT NULL DEFAULT '';
UPDATE inboxes SET domain = replace(address_key, rtrim(address_key, replace(address_key, '@', '')), '');
CREATE INDEX inboxes_by_domain ON inboxes (domain, tenant_id);
