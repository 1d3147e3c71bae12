-- What clients were told instead of what they asked for, with the detail that they were not told. To look into, and kept a week only:
-- unlike events, anybody can cause these.
CREATE TABLE refusals (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  request_id text NOT NULL,
  network text NOT NULL,
  method text NOT NULL,
  route text NOT NULL,
  status integer NOT NULL,
  entry text NOT NULL, -- the anchor in docs/errors.md
  error text NOT NULL,
  description text NOT NULL,
  detail text
);
CREATE INDEX ON refusals (request_id);
CREATE INDEX ON refusals (at);

CREATE INDEX ON events (grant_id, at);
