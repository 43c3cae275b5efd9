-- What may still go out gets its seal. seal() is of store/sqlite.py.
UPDATE submissions SET seal = seal('submission ' || submission_id || ' ' || sha256
        || CASE held_by WHEN 'approval' THEN ' waits' ELSE ' may go' END)
    WHERE (tenant_id, submission_id) IN (SELECT tenant_id, submission_id FROM deliveries
        WHERE next_at IS NOT NULL OR state IN ('queued', 'held', 'uncertain'));
