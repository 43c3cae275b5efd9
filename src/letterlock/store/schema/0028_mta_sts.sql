-- What senders are asked of a domain's mail servers (MTA-STS): off, none, testing or enforce; '' for what the settings say.
ALTER TABLE domains ADD COLUMN mta_sts TEXT NOT NULL DEFAULT '' CHECK (mta_sts IN ('', 'off', 'none', 'testing', 'enforce'));
