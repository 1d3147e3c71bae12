-- Verified e-mail addresses, recovery by mail, and invitations. Links in mails are secrets: only their digests are stored here. Rows are deleted
-- some time after they have expired (records/cleanup/cleanup-store.ts).
--
-- They refer to accounts without foreign keys: creating one would block writes to accounts. The previous release ignores these tables. If it
-- deletes an account, no link of that account has an effect any more, because every use looks at the account.

-- Whether the person created the account on the sign-up page. Only they can be asked to verify their address before they go on
-- (SIGNET_EMAIL_VERIFICATION). Null: an earlier release created the account. Nothing is filled here, because the table can be large: it is decided
-- when the person next signs in (records/accounts/account-origin-store.ts).
ALTER TABLE accounts ADD COLUMN signed_up boolean;

-- A mail that asks somebody to prove that they can read mail at an address, by a link or by a six-digit code.
CREATE TABLE email_verifications (
  digest bytea PRIMARY KEY, -- of the secret in the link
  sub text NOT NULL,
  email text NOT NULL, -- another one than the account has: verifying it replaces the account's address
  browser_digest bytea NOT NULL, -- of the browser that asked for it, the only one in which the code works
  code_mac bytea NOT NULL, -- an HMAC under the secret `email-codes`
  code_version integer NOT NULL, -- of that secret
  wrong_codes integer NOT NULL DEFAULT 0,
  continue_to text, -- the sealed `continue` value of the page that asked
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  spent_at timestamptz -- used, superseded or refused
);
CREATE INDEX email_verifications_sub_idx ON email_verifications (sub, created_at);
CREATE INDEX email_verifications_expires_at_idx ON email_verifications (expires_at);

-- A link by which somebody who has forgotten the password sets a new one.
CREATE TABLE account_recoveries (
  digest bytea PRIMARY KEY, -- of the secret in the link
  sub text NOT NULL,
  email text, -- the verified address that it was sent to; NULL if an operator hands the link over, who vouches for the person
  browser_digest bytea, -- of the browser that asked, the only one that continues with this:
  continue_to text, -- the sealed `continue` value of the page that asked
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  spent_at timestamptz
);
CREATE INDEX account_recoveries_sub_idx ON account_recoveries (sub, created_at);
CREATE INDEX account_recoveries_expires_at_idx ON account_recoveries (expires_at);

-- A changed address. The owner of the previous one, which was verified, can undo the change for a while.
CREATE TABLE email_changes (
  digest bytea PRIMARY KEY, -- of the secret in the link that the previous address received
  position bigint NOT NULL GENERATED ALWAYS AS IDENTITY, -- the order of the changes of one account: a clock can go back
  sub text NOT NULL,
  previous_email text NOT NULL,
  new_email text, -- null if the address was removed
  previous_password text, -- the hash that the account had before the change: undoing it takes this password. Null once undone
  earlier_password text, -- one that was replaced shortly before the change (replaced_passwords): undoing it takes this password too
  changed_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  undone_at timestamptz -- undone, or made pointless by a return to this or an earlier address
);
CREATE INDEX email_changes_sub_idx ON email_changes (sub, position);
CREATE INDEX email_changes_expires_at_idx ON email_changes (expires_at);

-- The oldest password of each account that was replaced or removed in the last days. With it the owner can undo a change of the address, even if a thief has
-- changed the password first.
CREATE TABLE replaced_passwords (
  sub text PRIMARY KEY,
  secret text NOT NULL, -- the hash in PHC form
  expires_at timestamptz NOT NULL
);
CREATE INDEX replaced_passwords_expires_at_idx ON replaced_passwords (expires_at);

-- An address whose owner may create an account, unless SIGNET_SIGN_UP is `closed`. A new invitation replaces an earlier one of the same address.
CREATE TABLE invitations (
  digest bytea PRIMARY KEY, -- of the secret in the link
  email text NOT NULL,
  name text,
  groups text[] NOT NULL DEFAULT '{}',
  invited_by text NOT NULL, -- the operator, as events name them
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz,
  sub text -- of the account that it led to
);
CREATE UNIQUE INDEX invitations_email_idx ON invitations (lower(email COLLATE "C"));
CREATE UNIQUE INDEX invitations_sub_idx ON invitations (sub);
CREATE INDEX invitations_expires_at_idx ON invitations (expires_at);

-- The queue of graphile-worker is in a schema of its own, which is created after all migrations. src/platform/database/job-schema.ts computes its
-- name in the same way.
CREATE FUNCTION jobs_schema() RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN length(ours) <= 58 THEN ours ELSE left(ours, 49) || '_' || left(md5(ours), 8) END || '_jobs'
  FROM (SELECT current_schema()::text AS ours) AS names
$$;

-- Adds a job in the caller's transaction. All nodes are notified at its commit.
CREATE FUNCTION queue_job(task text, payload json, run_at timestamptz, max_attempts integer, job_key text, priority integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(
    'SELECT FROM %I.add_job(identifier => $1, payload => $2, run_at => $3, max_attempts => $4, job_key => $5, priority => $6)', jobs_schema()
  ) USING task, payload, run_at, max_attempts, job_key, priority;
  PERFORM pg_notify('signet_jobs', current_schema());
END
$$;

-- Makes jobs available again that were locked for longer than any task takes, because their node was killed, and deletes those that failed for good a
-- month ago. The queue is short, because a job is deleted when it is done.
--
-- Returns the number of jobs that wait, up to 10,000.
CREATE FUNCTION tend_jobs() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  waiting integer;
BEGIN
  EXECUTE format(
    'SELECT FROM %1$I.force_unlock_workers(ARRAY(SELECT DISTINCT locked_by FROM %1$I.jobs WHERE locked_at < now() - interval ''5 minutes''))',
    jobs_schema()
  );
  EXECUTE format(
    'SELECT FROM %1$I.complete_jobs(ARRAY(SELECT id FROM %1$I.jobs
       WHERE attempts >= max_attempts AND locked_at IS NULL AND run_at < now() - interval ''30 days'' LIMIT 500))',
    jobs_schema()
  );
  EXECUTE format('SELECT count(*) FROM (SELECT FROM %I.jobs WHERE attempts < max_attempts LIMIT 10000) AS job', jobs_schema()) INTO waiting;
  RETURN waiting;
END
$$;
