-- Full text (FTS5). `body` holds terms made by store/terms.py, `scope` the inbox as one term. The document number ties a
-- row to its email, because rowids of ordinary tables may change with VACUUM.
CREATE TABLE email_documents (
    document INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant_id TEXT NOT NULL,
    email_id TEXT NOT NULL UNIQUE
);

CREATE VIRTUAL TABLE email_terms USING fts5 (scope, body, detail = column, tokenize = "ascii separators ''");
