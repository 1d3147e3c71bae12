-- Passkeys, one-time codes and recovery codes, and which of them a session was proven with. The previous release ignores these tables and columns. If it
-- deletes a credential or an account, everything about the credential goes with it.

-- The previous constraint allowed passwords only. NOT VALID, because checking all existing rows again would block sign-ins meanwhile.
ALTER TABLE account_credentials
  DROP CONSTRAINT account_credentials_kind_check,
  ADD CONSTRAINT account_credentials_kind_check CHECK (kind IN ('password', 'passkey', 'totp', 'recovery_codes')) NOT VALID,
  ALTER COLUMN secret DROP NOT NULL, -- only passwords have one here
  -- Whether a password has fewer characters than one needs that is the only factor. Then the last second factor cannot be removed before the password is
  -- changed. The previous release requires the full length, and may leave this true, which only asks for one change too many.
  ADD COLUMN is_short boolean NOT NULL DEFAULT false,
  -- Whether the account had a second factor when this was added, so that whoever added it has proven themselves with that one. Without such a proof, a
  -- factor can be removed in its first days by somebody who proves themselves with what the account had before (records/accounts/recovery-rule.ts).
  ADD COLUMN is_vouched boolean NOT NULL DEFAULT false,
  -- When the account got the first of the factors that have vouched for each other up to this one, as a trigger finds it. A thief who plants one factor and
  -- proves it to add another gains nothing: both are as young as the first. '-infinity' if the account had no password then, so nobody could prove to have had
  -- it before.
  ADD COLUMN factors_since timestamptz NOT NULL DEFAULT '-infinity';

CREATE FUNCTION set_factors_since() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  earliest timestamptz;
BEGIN
  IF NEW.is_vouched OR NEW.kind = 'recovery_codes' THEN
    SELECT min(factors_since) INTO earliest FROM account_credentials WHERE sub = NEW.sub AND kind IN ('passkey', 'totp');
  END IF;
  IF earliest IS NULL AND (EXISTS (SELECT FROM account_credentials WHERE sub = NEW.sub AND kind = 'password')
                           OR EXISTS (SELECT FROM replaced_passwords WHERE sub = NEW.sub AND expires_at > now())) THEN
    earliest := NEW.created_at;
  END IF;
  NEW.factors_since := coalesce(earliest, '-infinity');
  RETURN NEW;
END $$;
CREATE TRIGGER set_factors_since BEFORE INSERT ON account_credentials
  FOR EACH ROW WHEN (NEW.kind <> 'password') EXECUTE FUNCTION set_factors_since();

-- A link to recover an account whose person has proven another factor on its page.
ALTER TABLE account_recoveries
  ADD COLUMN proof text, -- passkey, totp, recovery_code or earlier_password. Not NULL also means that no operator vouches for the person
  ADD COLUMN proof_browser bytea, -- the digest of the cookie of the only browser in which the proof counts
  ADD COLUMN proof_for bigint[]; -- the credentials other than the password at that time: the proof is void as soon as the account has others

-- Public key credentials (Web Authentication Level 3 §4). Anybody can create one with any id, so an id is unique over all accounts.
CREATE TABLE passkeys (
  id bigint PRIMARY KEY REFERENCES account_credentials ON DELETE CASCADE,
  sub text NOT NULL,
  credential_id bytea NOT NULL UNIQUE,
  public_key bytea NOT NULL, -- a COSE_Key (RFC 9052 §7)
  sign_count bigint NOT NULL,
  transports text[] NOT NULL,
  aaguid uuid NOT NULL,
  is_backup_eligible boolean NOT NULL, -- whether it can be synchronized; this never changes
  is_backed_up boolean NOT NULL,
  name text NOT NULL,
  used_at timestamptz
);
CREATE INDEX passkeys_sub_idx ON passkeys (sub);

-- The secret from which an app computes one-time codes (TOTP, RFC 6238). An account has at most one.
CREATE TABLE totp_secrets (
  sub text PRIMARY KEY,
  id bigint NOT NULL UNIQUE REFERENCES account_credentials ON DELETE CASCADE,
  sealed text NOT NULL, -- under the purpose secret `totp-sealing`
  version integer NOT NULL, -- of that secret
  last_step bigint NOT NULL, -- the time step of the newest code that was accepted: no code is accepted twice (RFC 6238 §5.2)
  used_at timestamptz
);
CREATE INDEX totp_secrets_version_idx ON totp_secrets (version);

-- Codes for somebody who has lost the other factors. A new set replaces the previous one. An account has at most one set.
CREATE TABLE recovery_code_sets (
  sub text PRIMARY KEY,
  id bigint NOT NULL UNIQUE REFERENCES account_credentials ON DELETE CASCADE
);
CREATE TABLE recovery_codes (
  id bigint NOT NULL REFERENCES account_credentials ON DELETE CASCADE, -- of the set
  mac bytea NOT NULL, -- an HMAC under the purpose secret `recovery-codes`
  version integer NOT NULL, -- of that secret
  used_at timestamptz,
  PRIMARY KEY (id, mac)
);
CREATE INDEX recovery_codes_version_idx ON recovery_codes (version);

-- Challenges that were answered (Web Authentication Level 3 §13.4.3). A challenge is a sealed value, so an unanswered one is stored nowhere.
CREATE TABLE spent_challenges (
  digest bytea PRIMARY KEY,
  expires_at timestamptz NOT NULL
);
CREATE INDEX spent_challenges_expires_at_idx ON spent_challenges (expires_at);

-- Sign-ins with a password for which the second factor is still missing. This is not a session: nothing but the second step accepts its cookie.
CREATE TABLE unfinished_sign_ins (
  digest bytea PRIMARY KEY, -- of the cookie
  browser_digest bytea NOT NULL,
  sub text NOT NULL,
  password_digest bytea NOT NULL, -- SHA-256 of the stored hash: a change of the password makes the sign-in useless
  auth_time timestamptz NOT NULL, -- when the password was proven
  expires_at timestamptz NOT NULL
);
CREATE INDEX unfinished_sign_ins_sub_idx ON unfinished_sign_ins (sub);
CREATE INDEX unfinished_sign_ins_expires_at_idx ON unfinished_sign_ins (expires_at);

ALTER TABLE sessions
  ADD COLUMN factor text, -- the strongest factor besides the password that was proven in it: passkey, totp or recovery_code
  ADD COLUMN factor_time timestamptz, -- when that was
  ADD COLUMN user_agent text, -- the header of the sign-in, shortened, for the list that its person sees
  ADD COLUMN network text; -- the address of the sign-in, for the same list

-- Where a session was started is needed only while it can be in the list. So it is also forgotten when the account is deleted.
CREATE FUNCTION forget_session_origin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.user_agent := NULL;
  NEW.network := NULL;
  RETURN NEW;
END $$;
CREATE TRIGGER forget_session_origin BEFORE UPDATE OF ended_at ON sessions
  FOR EACH ROW WHEN (NEW.ended_at IS NOT NULL) EXECUTE FUNCTION forget_session_origin();

-- When the person was asked to create a passkey after a sign-in with the password. They are asked once.
ALTER TABLE accounts ADD COLUMN passkey_offered_at timestamptz;

-- The links "This was not me" in mails about an account. Each works once, and only together with something that proved the person before what the mail tells.
CREATE TABLE account_notices (
  digest bytea PRIMARY KEY, -- of the secret in the link
  sub text NOT NULL,
  email text NOT NULL, -- where the mail went: the verified address at that time
  kind text NOT NULL, -- of the mail
  at timestamptz NOT NULL, -- of what the mail tells
  newest_credential bigint NOT NULL, -- the id of the newest credential that the account had before. Not a time: a clock can go back
  had_second_factor boolean NOT NULL, -- whether the account had a passkey or one-time codes before
  expires_at timestamptz NOT NULL
);
CREATE INDEX account_notices_sub_idx ON account_notices (sub);
CREATE INDEX account_notices_expires_at_idx ON account_notices (expires_at);

-- The pictures that people have uploaded. The claim `picture` of the account is the URL, which ends with the id. A picture that is not in use is not served, so
-- it does no harm that the previous release does not delete it.
CREATE TABLE account_avatars (
  sub text PRIMARY KEY,
  id text NOT NULL UNIQUE,
  image bytea NOT NULL, -- WebP, made by us
  created_at timestamptz NOT NULL DEFAULT now()
);

-- The header of the request, shortened, so that the person recognizes the device.
ALTER TABLE events ADD COLUMN user_agent text;

-- What is erased with a person's network address, whichever release erases it (017.do.event-retention.sql): the device, and the names that the person gave
-- to passkeys.
CREATE OR REPLACE FUNCTION omit_address_of_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM accounts WHERE accounts.sub = NEW.sub AND accounts.deleted_at IS NOT NULL) THEN
    NEW.network := NULL;
    NEW.user_agent := NULL;
    NEW.detail := NEW.detail - '{passkey,before}'::text[];
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION keep_events() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  was_deleted boolean;
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF OLD.at < now() - interval '30 days' THEN
      RETURN OLD;
    END IF;
  ELSIF NEW.network IS NULL AND to_jsonb(NEW) - '{network,user_agent,detail}'::text[] = to_jsonb(OLD) - '{network,user_agent,detail}'::text[]
        AND NEW.detail IN (OLD.detail, OLD.detail - '{passkey,before}'::text[]) THEN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I.accounts WHERE sub = $1 AND deleted_at IS NOT NULL)', TG_TABLE_SCHEMA)
      INTO was_deleted USING OLD.sub;
    IF was_deleted THEN
      NEW.user_agent := NULL;
      NEW.detail := NEW.detail - '{passkey,before}'::text[];
      RETURN NEW;
    END IF;
  END IF;
  RAISE EXCEPTION 'events are append-only';
END $$;

-- Authentication Context Classes for requests that ask for none. The previous release ignores them.
ALTER TABLE clients ADD COLUMN default_acr_values text[] NOT NULL DEFAULT '{}';

-- The previous release signs people in with the password alone. For an account with one-time codes it must fail instead. This release decides under the lock of
-- the account, so the trigger only ever stops the previous one. Every sign-in sets `expires_at`, and nothing else does.
CREATE FUNCTION require_second_factor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM totp_secrets WHERE totp_secrets.sub = NEW.sub) THEN
    RAISE EXCEPTION 'the password alone does not sign in to an account with one-time codes';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER require_second_factor BEFORE INSERT OR UPDATE OF expires_at ON sessions
  FOR EACH ROW WHEN (NOT 'mfa' = ANY (NEW.amr)) EXECUTE FUNCTION require_second_factor();
