-- `sealed`: the secret, by vault.py; `secret` is empty then. What lay in the clear before is sealed by the postmaster.
ALTER TABLE webhooks ADD COLUMN sealed BLOB;
CREATE INDEX webhooks_clear ON webhooks (tenant_id) WHERE secret <> '';
