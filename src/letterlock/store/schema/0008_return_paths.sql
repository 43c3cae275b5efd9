-- A return path for each delivery, so that no recipient can report in the name of another.

-- `token`: names the delivery in its return path, bounces+TOKEN@DOMAIN. `claimed`: what a report says that nobody vouches
-- for, '' for nothing.
ALTER TABLE deliveries ADD COLUMN token TEXT NOT NULL DEFAULT '';
ALTER TABLE deliveries ADD COLUMN claimed TEXT NOT NULL DEFAULT '';
UPDATE deliveries SET token = (SELECT s.token FROM submissions s
    WHERE s.tenant_id = deliveries.tenant_id AND s.submission_id = deliveries.submission_id);
-- Not unique: until now the deliveries of a submission shared theirs.
CREATE INDEX deliveries_by_token ON deliveries (token) WHERE token <> '';
DROP INDEX submissions_by_token;
ALTER TABLE submissions DROP COLUMN token;
