-- The logs there are get their head. seal() is of store/sqlite.py.
INSERT INTO audit_heads (tenant_id, n, hash, seal)
    SELECT tenant_id, n, hash, seal(tenant_id || ' ' || n || ' ' || hash) FROM (
        SELECT t.tenant_id AS tenant_id, COALESCE(a.n, 0) AS n,
            COALESCE(a.hash, '0000000000000000000000000000000000000000000000000000000000000000') AS hash
        FROM tenants t LEFT JOIN audit a ON a.tenant_id = t.tenant_id
            AND a.n = (SELECT MAX(n) FROM audit m WHERE m.tenant_id = t.tenant_id)
    );
