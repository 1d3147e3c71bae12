-- Groups of accounts, the scopes `groups` and `roles`, and ID tokens with claims about the person.

-- From now on the two scopes belong to the issuer. An API that has one of them would lose it without notice, so the operator decides.
DO $$
DECLARE
  owners text;
BEGIN
  SELECT string_agg(format('''%s'' of %s', scope, resource), ', ' ORDER BY scope) INTO owners
  FROM resource_scopes WHERE scope IN ('groups', 'roles');
  IF owners IS NOT NULL THEN
    RAISE EXCEPTION 'The scopes groups and roles now belong to Signet itself, but an API has them: %. With the previous release, give the API '
      'a scope of another name (signet resources update --scope) and register its clients for that, then upgrade again.', owners;
  END IF;
END $$;
-- The previous release would still register them.
ALTER TABLE resource_scopes ADD CONSTRAINT resource_scopes_not_of_issuer CHECK (scope NOT IN ('groups', 'roles'));
-- Whoever allowed an API's scope of that name has not allowed a client to see their groups.
UPDATE consents SET scopes = array_remove(array_remove(scopes, 'groups'), 'roles') WHERE scopes && ARRAY['groups', 'roles'];

-- Names are compared exactly, and sorted in the same way on every server. No two of them differ only in the case of A to Z, because some applications ignore it.
CREATE TABLE groups (
  name text COLLATE "C" PRIMARY KEY,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX groups_folded_name_idx ON groups (lower(name));

CREATE TABLE group_members (
  sub text NOT NULL REFERENCES accounts,
  group_name text COLLATE "C" NOT NULL REFERENCES groups,
  added_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (sub, group_name)
);
CREATE INDEX ON group_members (group_name, sub);

-- A trigger, because the previous release deletes accounts too.
CREATE FUNCTION leave_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM group_members WHERE sub = NEW.sub;
  RETURN NULL;
END $$;
CREATE TRIGGER leave_groups AFTER UPDATE OF deleted_at ON accounts
  FOR EACH ROW WHEN (OLD.deleted_at IS NULL AND NEW.deleted_at IS NOT NULL) EXECUTE FUNCTION leave_groups();

-- The groups that a client may see: their names, or '*' for all. The two flags are off for everything that exists.
ALTER TABLE clients
  ADD COLUMN id_token_profile_claims boolean NOT NULL DEFAULT false,
  ADD COLUMN IF NOT EXISTS groups text[] NOT NULL DEFAULT '{}';
CREATE INDEX IF NOT EXISTS clients_groups_idx ON clients USING gin (groups);
ALTER TABLE resources
  ADD COLUMN userinfo_audience boolean NOT NULL DEFAULT false,
  ADD COLUMN groups_claim boolean NOT NULL DEFAULT false;
