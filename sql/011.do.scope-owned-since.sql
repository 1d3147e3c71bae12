-- Since when a scope has belonged to its resource. What people allowed before that was a scope of another API, whatever its name: it has
-- ended, without a change to the rows of all who allowed it. Nothing has moved before this migration as far as is known.
ALTER TABLE resource_scopes ADD COLUMN since timestamptz NOT NULL DEFAULT '-infinity';
-- Not now(): a transaction may have waited for the lock on resources.
ALTER TABLE resource_scopes ALTER COLUMN since SET DEFAULT clock_timestamp();
