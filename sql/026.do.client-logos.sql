-- The logos of clients, fetched once from their logo_uri. A row counts only while the client is registered with this logo_uri, so it does no harm that the
-- previous release does not know the table.
CREATE TABLE client_logos (
  client_id text PRIMARY KEY REFERENCES clients ON DELETE CASCADE,
  logo_uri text NOT NULL, -- where it was fetched
  image bytea, -- WebP, made by us. NULL: there was no usable picture
  tried_at timestamptz NOT NULL DEFAULT now()
);
