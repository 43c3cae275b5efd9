-- An idempotency key that was given counts for its agent, whichever of its inboxes sends.
CREATE INDEX submissions_by_given_key ON submissions (tenant_id, agent_id, idempotency_key)
    WHERE substr(idempotency_key, 1, 4) = 'key ';
