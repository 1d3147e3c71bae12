-- What all signing keys share. Its row is locked by whoever decides about keys.
CREATE TABLE key_ring (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  -- The moment of the last decision: the ring's time never goes back behind it, whatever the database's clock does.
  latest_event timestamptz NOT NULL DEFAULT '-infinity',
  -- How many times something was decided: who remembers a higher number knows that the database was set back.
  decisions bigint NOT NULL DEFAULT 0,
  -- The longest activation delay that a node has named, in seconds, and when one last did: sets that were served under it are still
  -- in caches for as long.
  activation_delay integer NOT NULL DEFAULT 0,
  activation_delay_named_at timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO key_ring DEFAULT VALUES;

-- Nodes keep keys in memory; a change is told at the commit.
CREATE FUNCTION tell_keys_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('signet_keys', TG_TABLE_SCHEMA);
  RETURN NULL;
END $$;
CREATE TRIGGER tell_keys_changed AFTER INSERT OR UPDATE OR DELETE ON signing_keys
  FOR EACH STATEMENT EXECUTE FUNCTION tell_keys_changed();

-- When a verifier that names itself last fetched the JWK Set.
CREATE TABLE verifiers (
  name text PRIMARY KEY CHECK (length(name) <= 100),
  fetched_at timestamptz NOT NULL
);
CREATE INDEX ON verifiers (fetched_at);
