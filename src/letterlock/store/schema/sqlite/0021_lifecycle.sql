-- Nothing that is there already is idle yet.
UPDATE inboxes SET active_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000;
