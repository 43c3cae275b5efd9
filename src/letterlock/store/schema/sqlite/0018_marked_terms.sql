-- Terms begin with the mark of their tenant. marked() is of store/sqlite.py.
UPDATE email_terms SET body = marked(scope, body);
