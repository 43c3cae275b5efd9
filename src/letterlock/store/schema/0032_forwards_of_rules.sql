CREATE INDEX forwards_of_rule ON forwards (tenant_id, rule_id, address, created_at);
