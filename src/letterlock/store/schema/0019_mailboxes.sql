-- Mailboxes that people have elsewhere, from which mail for inboxes is fetched by IMAP.

-- `inboxes`: the addresses of its inboxes, `{}` for the name ('you+{}@example.com'); '' where it can have none. `sealed`:
-- what to log in with, by vault.py. `authserv`: whose Authentication-Results are believed. `after`: what is done with mail
-- that was fetched: '' (nothing), 'read', 'move' (to `move_to`). `revision` grows with each change of what it is reached by.
CREATE TABLE mailboxes (
    tenant_id TEXT NOT NULL REFERENCES tenants,
    mailbox_id TEXT NOT NULL,
    address TEXT NOT NULL,
    address_key TEXT NOT NULL,
    provider TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    security TEXT NOT NULL CHECK (security IN ('tls', 'starttls')),
    pin TEXT NOT NULL DEFAULT '',
    username TEXT NOT NULL,
    login TEXT NOT NULL CHECK (login IN ('password', 'xoauth2')),
    sealed BLOB NOT NULL,
    inboxes TEXT NOT NULL,
    authserv TEXT NOT NULL DEFAULT '',
    after TEXT NOT NULL DEFAULT '' CHECK (after IN ('', 'read', 'move')),
    move_to TEXT NOT NULL DEFAULT '',
    smtp_host TEXT NOT NULL DEFAULT '',
    smtp_port INTEGER NOT NULL DEFAULT 0,
    smtp_security TEXT NOT NULL DEFAULT 'tls',
    per_day INTEGER NOT NULL DEFAULT 0,
    revision BIGINT NOT NULL DEFAULT 1,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, mailbox_id),
    UNIQUE (tenant_id, address_key)
);

-- Its folders that are watched. What is at or below `last_uid` was looked at, under `uidvalidity` (RFC 9051 section 2.3.1.1).
-- `seen_at`: when the folder was last looked at to its end. `problem`: why it cannot be now, in words; `skipped`: emails left
-- there because they are too large.
CREATE TABLE mailbox_folders (
    tenant_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    folder TEXT NOT NULL,
    spam INTEGER NOT NULL,
    uidvalidity BIGINT NOT NULL,
    last_uid BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    problem TEXT NOT NULL DEFAULT '',
    advice TEXT NOT NULL DEFAULT '',
    problem_at BIGINT,
    skipped BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, mailbox_id, folder),
    FOREIGN KEY (tenant_id, mailbox_id) REFERENCES mailboxes ON DELETE CASCADE
);

-- Hashes of what was fetched, so that mail that is moved or numbered anew comes once.
CREATE TABLE mailbox_fetched (
    tenant_id TEXT NOT NULL,
    mailbox_id TEXT NOT NULL,
    print BLOB NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, mailbox_id, print),
    FOREIGN KEY (tenant_id, mailbox_id) REFERENCES mailboxes ON DELETE CASCADE
);

CREATE INDEX mailbox_fetched_old ON mailbox_fetched (at);

-- The mailbox that an inbox gets its mail from.
ALTER TABLE inboxes ADD COLUMN mailbox_id TEXT;
CREATE INDEX inboxes_by_mailbox ON inboxes (tenant_id, mailbox_id) WHERE mailbox_id IS NOT NULL;
