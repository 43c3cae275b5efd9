-- The secret that a rotation replaced, sealed as the one in its place, and until when (milliseconds since 1970) it signs
-- too.
ALTER TABLE webhooks ADD COLUMN sealed_before BLOB;
ALTER TABLE webhooks ADD COLUMN before_until BIGINT;
