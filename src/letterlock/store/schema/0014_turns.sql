-- Tenants take turns: what waits of each is found without looking at what waits of the others.
CREATE INDEX emails_unfiled_by_tenant ON emails (tenant_id, email_id) WHERE state = 'received';
CREATE INDEX emails_unfiled_by_inbox ON emails (inbox_id, email_id) WHERE state = 'received';
CREATE INDEX deliveries_by_tenant ON deliveries (route, lane, tenant_id, next_at) WHERE next_at IS NOT NULL;
