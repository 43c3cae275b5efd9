-- Who stands in From of mail that leaves by a mailbox: its own address ('mailbox', the inbox in Reply-To), or the inbox.
ALTER TABLE mailboxes ADD COLUMN write_as TEXT NOT NULL DEFAULT 'mailbox' CHECK (write_as IN ('mailbox', 'inbox'));
