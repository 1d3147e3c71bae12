-- What the consent page says of a scope: [{"language": "de", "text": "..."}], without language for everybody else.
ALTER TABLE resource_scopes ADD COLUMN descriptions jsonb NOT NULL DEFAULT '[]';
