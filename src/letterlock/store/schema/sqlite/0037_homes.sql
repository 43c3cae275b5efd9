-- However a secret goes (removed, with its email, its inbox, its tenant), nothing of it stays elsewhere.
CREATE TRIGGER secrets_deleted AFTER DELETE ON secrets WHEN OLD.home <> 'store' AND OLD.removed_at IS NULL BEGIN INSERT OR IGNORE INTO secrets_left VALUES (OLD.tenant_id, OLD.secret_id, CAST(strftime('%s', 'now') AS INTEGER) * 1000); END;

CREATE TRIGGER secrets_removed AFTER UPDATE OF removed_at ON secrets WHEN OLD.home <> 'store' AND OLD.removed_at IS NULL AND NEW.removed_at IS NOT NULL BEGIN INSERT OR IGNORE INTO secrets_left VALUES (NEW.tenant_id, NEW.secret_id, NEW.removed_at); END;
