-- Events are kept for a time that the operator sets, and those about a person who was deleted lose the addresses that they came from.

-- People who were deleted, until the events about them have been gone through. `at` and `event_id` say how far that is.
CREATE TABLE erasures (
  sub text PRIMARY KEY REFERENCES accounts,
  requested_at timestamptz NOT NULL DEFAULT now(),
  at timestamptz NOT NULL DEFAULT '-infinity',
  event_id bigint NOT NULL DEFAULT 0
);
CREATE INDEX ON erasures (requested_at);

-- A trigger, because the previous release deletes accounts too.
CREATE FUNCTION request_erasure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO erasures (sub) VALUES (NEW.sub) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER request_erasure AFTER UPDATE OF deleted_at ON accounts
  FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION request_erasure();

INSERT INTO erasures (sub) SELECT sub FROM accounts WHERE deleted_at IS NOT NULL;

-- Deletion is final. Otherwise a person could be marked as deleted for as long as it takes to remove addresses from the events about them.
CREATE FUNCTION keep_deletions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the deletion of an account is final';
END $$;
CREATE TRIGGER keep_deletions BEFORE UPDATE OF deleted_at, sub ON accounts FOR EACH ROW
  WHEN (OLD.deleted_at IS NOT NULL AND (NEW.deleted_at IS NULL OR NEW.sub <> OLD.sub)) EXECUTE FUNCTION keep_deletions();
CREATE TRIGGER keep_deleted_accounts BEFORE DELETE ON accounts FOR EACH ROW
  WHEN (OLD.deleted_at IS NOT NULL) EXECUTE FUNCTION keep_deletions();

-- What still happens to somebody who was deleted, such as another try with an old code, is written down without an address.
CREATE FUNCTION omit_address_of_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM accounts WHERE accounts.sub = NEW.sub AND accounts.deleted_at IS NOT NULL) THEN
    NEW.network := NULL;
  END IF;
  RETURN NEW;
END $$;

-- The table takes new rows. A row can go once it is 30 days old, which is the shortest time that the setting takes; and a row about a
-- person who was deleted can lose its address. Whatever else is tried fails. Nothing here is looked up in the caller's search_path, where
-- a temporary table or an operator of the same name could come first.
CREATE FUNCTION keep_events() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was_deleted boolean;
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.at < now() - interval '30 days' THEN
      RETURN OLD;
    END IF;
  ELSIF NEW.network IS NULL AND to_jsonb(NEW) - 'network' = to_jsonb(OLD) - 'network' THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.accounts WHERE sub = $1 AND deleted_at IS NOT NULL)', TG_TABLE_SCHEMA)
      INTO was_deleted USING OLD.sub;
    IF was_deleted THEN
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'events are append-only';
END $$;
-- Last, because nothing can be written to this table until the end of the transaction. The trigger for TRUNCATE stays.
DROP TRIGGER events_are_append_only ON events;
CREATE TRIGGER keep_events BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION keep_events();
CREATE TRIGGER omit_address_of_deleted BEFORE INSERT ON events FOR EACH ROW
  WHEN (NEW.sub IS NOT NULL AND NEW.network IS NOT NULL) EXECUTE FUNCTION omit_address_of_deleted();
