-- User names and e-mail addresses are stored in one canonical form, which the application makes. What is left to compare is capitals,
-- A to Z alone: COLLATE "C" does that the same way whatever the locale of the database is.
--
-- On a large installation, build the indexes beforehand: docs/deploy.md, "Before an upgrade that builds indexes".

-- Accounts whose names may not be in the canonical form, because they are older or were written by the previous release. The
-- application converts them and deletes the rows (src/operations/convert-names.ts).
CREATE TABLE names_to_convert (
  sub text PRIMARY KEY
);

-- In a few languages I is not the capital of i. In such a database two people can have names that differ in nothing but that. Of two
-- verified addresses the one that was verified first stays verified. User names stay as they are; the index knows the later ones.
DO $$
DECLARE
  later text[];
BEGIN
  IF lower('ABCDEFGHIJKLMNOPQRSTUVWXYZ') = 'abcdefghijklmnopqrstuvwxyz' THEN
    RETURN;
  END IF;
  LOCK TABLE accounts, account_emails IN SHARE ROW EXCLUSIVE MODE;
  WITH ranked AS (
    SELECT ctid AS place, row_number() OVER (PARTITION BY lower(email COLLATE "C") ORDER BY verified_at, sub) AS rank
    FROM account_emails WHERE verified_at IS NOT NULL
  ), unverified AS (
    UPDATE account_emails SET verified_at = NULL WHERE ctid IN (SELECT place FROM ranked WHERE rank > 1) RETURNING sub
  )
  INSERT INTO events (type, sub, detail) SELECT 'email_unverified', sub, '{"by": "schedule", "reason": "same_address"}' FROM unverified;
  later := ARRAY(
    SELECT sub FROM (
      SELECT sub, row_number() OVER (PARTITION BY lower(username COLLATE "C") ORDER BY created_at, sub) AS rank
      FROM accounts WHERE username IS NOT NULL
    ) AS ranked WHERE rank > 1);
  IF later <> '{}' THEN
    EXECUTE format(
      'CREATE UNIQUE INDEX IF NOT EXISTS accounts_username_key_idx
         ON accounts (lower(username COLLATE "C"), (CASE WHEN sub = ANY (%L::text[]) THEN sub ELSE '''' END))',
      later);
  END IF;
END $$;

-- The indexes over lower(username) and lower(email) stay until a later release: the previous one needs them, and so do the names that
-- are still to be converted.
CREATE UNIQUE INDEX IF NOT EXISTS accounts_username_key_idx ON accounts (lower(username COLLATE "C"));
CREATE UNIQUE INDEX IF NOT EXISTS account_emails_sub_key_idx ON account_emails (sub, lower(email COLLATE "C"));
CREATE UNIQUE INDEX IF NOT EXISTS account_emails_verified_key_idx
  ON account_emails (lower(email COLLATE "C")) WHERE verified_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS account_emails_key_verified_at_created_at_idx
  ON account_emails (lower(email COLLATE "C"), verified_at, created_at);

-- Names in ASCII are as good as canonical: lower() does the rest. Others are looked at once, whoever has written them.
CREATE FUNCTION note_name_to_convert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO names_to_convert (sub) VALUES (NEW.sub) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER note_name_to_convert AFTER INSERT OR UPDATE OF username ON accounts
  FOR EACH ROW WHEN (NEW.username COLLATE "C" ~ '[^ -~]') EXECUTE FUNCTION note_name_to_convert();
CREATE TRIGGER note_name_to_convert AFTER INSERT OR UPDATE OF email ON account_emails
  FOR EACH ROW WHEN (NEW.email COLLATE "C" ~ '[^ -~]') EXECUTE FUNCTION note_name_to_convert();

INSERT INTO names_to_convert (sub)
  SELECT sub FROM accounts WHERE username COLLATE "C" ~ '[^ -~]'
  UNION
  SELECT sub FROM account_emails WHERE email COLLATE "C" ~ '[^ -~]';

-- No statement looks anything up by this one, and it takes some different addresses for the same.
DROP INDEX account_emails_lower_idx;
