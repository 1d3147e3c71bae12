-- Running servers. Each one writes its row every few seconds, which proves that it reaches the primary and that the database can be
-- written. Only `seen_at` ever changes and no index holds it, so that the updates stay within one page (HOT).
CREATE TABLE nodes (
  id text PRIMARY KEY,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 50);
CREATE INDEX ON nodes (started_at);
