-- Ending all grants of a client, or of a person whose sessions go on, is one small change, as the endings of migration 007 are.

-- Tables that refer to others first, as the statements that write to them lock them.
LOCK TABLE grants, clients IN ACCESS EXCLUSIVE MODE;

-- A grant is opened in the epoch that its client has at that moment. Ending all grants of the client begins a new epoch; those of an
-- earlier one have ended. Whatever is being opened meanwhile reads the old epoch, and so it has ended as well.
ALTER TABLE clients
  ADD COLUMN grant_epoch integer NOT NULL DEFAULT 0,
  ADD COLUMN grants_ended_at timestamptz;
ALTER TABLE grants ADD COLUMN client_epoch integer NOT NULL DEFAULT 0;
ALTER TABLE grants ALTER COLUMN client_epoch DROP DEFAULT;

-- The previous release names no epoch of the client.
CREATE FUNCTION set_client_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.client_epoch := coalesce((SELECT grant_epoch FROM clients WHERE client_id = NEW.client_id), 0);
  RETURN NEW;
END $$;
CREATE TRIGGER set_client_epoch BEFORE INSERT ON grants
  FOR EACH ROW WHEN (NEW.client_epoch IS NULL) EXECUTE FUNCTION set_client_epoch();

-- The open grants of a client, which follow the decision in batches. On a large installation, build this index beforehand:
-- docs/deploy.md, "Before an upgrade that builds indexes".
CREATE INDEX IF NOT EXISTS grants_open_of_client_idx ON grants (client_id, status_index) WHERE ended_at IS NULL;

-- An operator can end what a person has at a client, too.
ALTER TABLE disconnections ADD COLUMN reason text NOT NULL DEFAULT 'disconnected';

-- Two more kinds. A node of the previous release cannot follow these: it logs a warning, puts them off by a minute, and a node of this
-- release continues. How many rows have followed is counted, so that a command can say so, whichever node does the work.
ALTER TABLE endings
  DROP CONSTRAINT endings_kind_check,
  ADD CONSTRAINT endings_kind_check
    CHECK (kind IN ('account', 'sessions', 'session_grants', 'connection', 'client', 'account_grants', 'client_grants')),
  ADD COLUMN ended_sessions integer NOT NULL DEFAULT 0,
  ADD COLUMN ended_grants integer NOT NULL DEFAULT 0,
  ADD COLUMN followed_at timestamptz; -- when all rows had followed; it is looked at once more after that
-- Of the decisions about a client as a whole, the earlier is followed first.
CREATE INDEX ON endings (client_id, id) WHERE sub IS NULL;
CREATE INDEX ON endings (client_id, due_at) WHERE sub IS NULL;
