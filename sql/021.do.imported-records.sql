-- People and clients that come from another system, with the passwords and secrets that they have there.

-- Which system a person was imported from. An import that is run again skips them.
ALTER TABLE accounts ADD COLUMN imported_from text;

-- Whether the hash was made by another system. It is replaced by one of our own when its person next signs in.
ALTER TABLE account_credentials ADD COLUMN imported boolean NOT NULL DEFAULT false;

-- Set for a secret of fewer than 32 characters, which must never be the key of an HMAC (RFC 7518 §3.2).
ALTER TABLE client_secrets ADD COLUMN is_short boolean NOT NULL DEFAULT false;

-- How many hashes of each kind were imported, and how many of them are still there. A hash of another kind takes another time to check. So
-- names that nobody has are checked against dummies of these kinds, in proportion (src/records/accounts/password-kinds.ts).
CREATE TABLE imported_passwords (
  kind text PRIMARY KEY, -- the hash without its salt and its value
  imported bigint NOT NULL,
  remaining bigint NOT NULL
);

-- What decides which kind a name gets that nobody has. It must not change when secrets are rotated, because no name of an account changes
-- then. With a copy of the database nobody needs the key: the accounts are there.
CREATE TABLE password_dummies (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  key bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()),
  others bigint NOT NULL DEFAULT 0 -- about how many passwords were not imported; it only grows
);
INSERT INTO password_dummies DEFAULT VALUES;

CREATE FUNCTION kind_of_password(secret text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN secret ~ '^\$2b\$' THEN left(secret, 6) ELSE regexp_replace(secret, '\$[^$]*\$[^$]*$', '') END
$$;

-- A password that is set here is no longer imported, whichever release sets it.
CREATE FUNCTION unmark_imported_password() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.imported := false;
  RETURN NEW;
END $$;
CREATE TRIGGER unmark_imported_password BEFORE UPDATE OF secret ON account_credentials
  FOR EACH ROW WHEN (OLD.imported AND NEW.secret <> OLD.secret) EXECUTE FUNCTION unmark_imported_password();

CREATE FUNCTION count_imported_password() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO imported_passwords (kind, imported, remaining) VALUES (kind_of_password(NEW.secret), 1, 1)
      ON CONFLICT (kind) DO UPDATE
      SET imported = imported_passwords.imported + 1, remaining = imported_passwords.remaining + 1;
  ELSE
    UPDATE imported_passwords SET remaining = remaining - 1 WHERE kind = kind_of_password(OLD.secret);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER count_imported_password AFTER INSERT ON account_credentials
  FOR EACH ROW WHEN (NEW.imported) EXECUTE FUNCTION count_imported_password();
CREATE TRIGGER count_replaced_password AFTER UPDATE OF secret ON account_credentials
  FOR EACH ROW WHEN (OLD.imported AND NOT NEW.imported) EXECUTE FUNCTION count_imported_password();
CREATE TRIGGER count_deleted_password AFTER DELETE ON account_credentials
  FOR EACH ROW WHEN (OLD.imported) EXECUTE FUNCTION count_imported_password();
