-- Who said yes or no to a submission that waited for a person, and when (milliseconds since 1970).
ALTER TABLE submissions ADD COLUMN decided_by TEXT NOT NULL DEFAULT '';
ALTER TABLE submissions ADD COLUMN decided_at BIGINT;
