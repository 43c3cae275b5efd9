-- Delivery in lanes, return paths of their own, reputation, warm-up of new domains, what other domains ask of TLS.

-- `first_at`: when it was first claimed; what is given up is given up 48 hours later. `lane`: the server (or domain) a delivery goes to; what one lane waits for never keeps another from its turn.
-- `class`: of a bounce (hard, soft, block), '' for none. `complained`: its reader said it was unwanted. `warm_day`: the
-- day (since 1970) on which it has its place among the emails of a new domain.
ALTER TABLE deliveries ADD COLUMN lane TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN first_at BIGINT;
ALTER TABLE deliveries ADD COLUMN class TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN complained INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN warm_day BIGINT;
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (route, lane, next_at) WHERE next_at IS NOT NULL;

-- `token`: names the submission in its return path, bounces+TOKEN@DOMAIN.
ALTER TABLE submissions ADD COLUMN token TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX submissions_by_token ON submissions (token) WHERE token <> '';
CREATE INDEX submissions_by_inbox ON submissions (tenant_id, inbox_id, created_at);

ALTER TABLE agents ADD COLUMN suspended TEXT NOT NULL DEFAULT '';

-- Places taken on each day by a domain that warms up. Of no tenant: receivers judge the domain as one.
CREATE TABLE warm_ups (
    domain TEXT NOT NULL,
    day BIGINT NOT NULL,
    taken INTEGER NOT NULL,
    PRIMARY KEY (domain, day)
);

-- MTA-STS policies of other domains (RFC 8461), kept so that nobody can hide one by blocking the next look. Of no tenant.
CREATE TABLE sts_policies (
    domain TEXT PRIMARY KEY,
    policy_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    mx TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
