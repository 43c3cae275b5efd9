-- `sealed`: the private key, by vault.py; `pem` is empty then. What lay in the clear before is sealed by the postmaster.
ALTER TABLE dkim_keys ADD COLUMN sealed BLOB;
CREATE INDEX dkim_keys_clear ON dkim_keys (tenant_id) WHERE pem <> '';
