-- How a webhook is worded and signed: '' as ours, or the name of the service for whose programs it is.
ALTER TABLE webhooks ADD COLUMN dialect TEXT NOT NULL DEFAULT '';

-- Lists of an inbox's conversations, newest first.
CREATE INDEX threads_by_inbox ON threads (tenant_id, inbox_id, thread_id);
