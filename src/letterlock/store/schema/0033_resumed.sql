-- When a person last let an inbox send again (milliseconds since 1970): it is judged by what it sent since.
ALTER TABLE inboxes ADD COLUMN resumed_at BIGINT;
