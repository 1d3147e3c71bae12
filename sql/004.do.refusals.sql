-- What clients were told instead of what they asked for, with the detail that they were not told. To look into, and kept a week only:
-- unlike events, anybody can cause these.
CREATE TABLE refusals (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  request_id text NOT NULL,
  network text NOT NULL,
  method text NOT NULL,
  route text NOT NULL,
  client_id text, -- as the request claimed
  status integer NOT NULL,
  entry text NOT NULL, -- the anchor in docs/errors.md
  error text NOT NULL,
  description text NOT NULL,
  detail text
);
CREATE INDEX ON refusals (request_id);
CREATE INDEX ON refusals (at);

CREATE INDEX ON events (grant_id, at);
CREATE INDEX ON events (type, id);

CREATE TRIGGER events_are_never_emptied BEFORE TRUNCATE ON events
  FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only();

-- Whatever ends a grant, and whoever opens one for a machine, leaves an event. What else happened on the same request stands beside it.
CREATE FUNCTION record_grant_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (type, client_id, sub, grant_id, detail)
  VALUES ('grant_ended', NEW.client_id, NEW.sub, NEW.id, jsonb_build_object('reason', NEW.end_reason));
  RETURN NULL;
END $$;
CREATE TRIGGER record_grant_ended AFTER UPDATE OF ended_at ON grants
  FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION record_grant_ended();

CREATE FUNCTION record_standing_grant_opened() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO events (type, client_id, grant_id, detail)
  VALUES ('grant_opened', NEW.client_id, NEW.id, jsonb_build_object('grant_type', 'client_credentials', 'scopes', NEW.scopes));
  RETURN NULL;
END $$;
CREATE TRIGGER record_standing_grant_opened AFTER INSERT ON grants
  FOR EACH ROW WHEN (NEW.sub IS NULL) EXECUTE FUNCTION record_standing_grant_opened();
