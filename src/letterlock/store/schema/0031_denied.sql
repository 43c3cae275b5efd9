-- What a person refused is looked for at each submission; there is little of it.
CREATE INDEX submissions_denied ON submissions (tenant_id, agent_id) WHERE verdict = 'denied';
