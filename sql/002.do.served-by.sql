-- The clients that serve a resource: they may ask about the tokens that are for it (RFC 7662 §2.1).
ALTER TABLE resources ADD COLUMN served_by text[] NOT NULL DEFAULT '{}';
