-- Ending everything that an account, a session or a client has collected is one small change. Rows follow in batches.

-- Tables that refer to others first, as the statements that write to them lock them.
LOCK TABLE grants, sessions, clients, accounts IN ACCESS EXCLUSIVE MODE;

-- Each account counts the decisions that end something of it. A session or grant is opened in the epoch that the account has at that
-- moment. A decision begins a new epoch and ends what was opened in an earlier one. No clock and no lock is needed: whatever is being
-- opened while the decision is not committed yet reads the old epoch, and so it has ended.
ALTER TABLE accounts
  ADD COLUMN epoch integer NOT NULL DEFAULT 0,
  ADD COLUMN session_epoch integer NOT NULL DEFAULT 0, -- sessions of an earlier epoch have ended
  ADD COLUMN sessions_ended_at timestamptz,
  ADD COLUMN grant_epoch integer NOT NULL DEFAULT 0, -- grants of an earlier epoch have ended
  ADD COLUMN grants_ended_at timestamptz,
  ADD COLUMN grants_end_reason text;
ALTER TABLE sessions ADD COLUMN epoch integer NOT NULL DEFAULT 0;
ALTER TABLE sessions ALTER COLUMN epoch DROP DEFAULT;
ALTER TABLE grants ADD COLUMN epoch integer NOT NULL DEFAULT 0;
ALTER TABLE grants ALTER COLUMN epoch DROP DEFAULT;

-- A person disconnected a client: its grants of an earlier epoch have ended. There is no row where that never happened.
CREATE TABLE disconnections (
  sub text NOT NULL REFERENCES accounts,
  client_id text NOT NULL REFERENCES clients ON DELETE CASCADE,
  epoch integer NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (sub, client_id)
);
CREATE INDEX ON disconnections (client_id);

-- A client that is marked here is gone for everybody. Its row goes after everything that refers to it.
ALTER TABLE clients ADD COLUMN deleted_at timestamptz;

-- Decisions whose rows have not all followed yet.
CREATE TABLE endings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('account', 'sessions', 'session_grants', 'connection', 'client')),
  reason text NOT NULL, -- of the grants that end
  decided_at timestamptz NOT NULL DEFAULT now(),
  due_at timestamptz NOT NULL, -- when the next batch is to follow
  sub text,
  client_id text,
  session_ids bigint[],
  epoch integer -- rows of an earlier epoch end
);
CREATE INDEX ON endings (due_at);
CREATE INDEX ON endings (sub, id);
CREATE INDEX ON endings (sub, due_at);

-- On a large installation, build these beforehand: docs/deploy.md, "Before an upgrade that builds indexes".
-- Grants of a session are counted and ended by the first index, those of a person and client by the second. Both hold open grants only.
CREATE INDEX IF NOT EXISTS grants_open_of_session_idx ON grants (session_id, client_id, status_index) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS grants_open_of_person_idx ON grants (sub, client_id, status_index) WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS sessions_open_idx ON sessions (sub, id) WHERE ended_at IS NULL;
-- Few grants: those that newer ones took the place of.
CREATE INDEX IF NOT EXISTS grants_superseded_idx ON grants (ended_at) WHERE end_reason = 'superseded';
DROP INDEX grants_session_id_idx;
DROP INDEX sessions_sub_idx;

-- A grant keeps the number of its session. A session that is gone has ended. The foreign key would lock the session's row each time a grant is opened,
-- so that somebody who opens grants without pause could keep its person from renewing or ending it; and deleting an old session would
-- change all its grants in one statement.
ALTER TABLE grants DROP CONSTRAINT grants_session_id_fkey;

-- The previous release names no epoch. What it opens belongs to the account's epoch, or, under a session that has ended, to the session's.
CREATE FUNCTION set_session_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.epoch := coalesce((SELECT epoch FROM accounts WHERE sub = NEW.sub), 0);
  RETURN NEW;
END $$;
CREATE TRIGGER set_session_epoch BEFORE INSERT ON sessions
  FOR EACH ROW WHEN (NEW.epoch IS NULL) EXECUTE FUNCTION set_session_epoch();

CREATE FUNCTION set_grant_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.epoch := coalesce((
    SELECT CASE WHEN sessions.epoch < accounts.session_epoch THEN sessions.epoch ELSE accounts.epoch END
    FROM accounts LEFT JOIN sessions ON sessions.id = NEW.session_id WHERE accounts.sub = NEW.sub), 0);
  RETURN NEW;
END $$;
CREATE TRIGGER set_grant_epoch BEFORE INSERT ON grants
  FOR EACH ROW WHEN (NEW.epoch IS NULL) EXECUTE FUNCTION set_grant_epoch();
