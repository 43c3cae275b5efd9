-- Domains whose authenticated mail this inbox trusts, blank-separated, lower-case.
ALTER TABLE inboxes ADD COLUMN allowed TEXT NOT NULL DEFAULT '';
