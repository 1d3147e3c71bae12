-- Purpose secrets can be renewed. A new version is published first, and used once every node has read it.

-- When a version is first used. created_at is when it was published. The previous release makes first versions only, which are used at once.
-- It reads secrets only when it starts, so they are to be renewed only when no node of it runs.
ALTER TABLE purpose_secrets ADD COLUMN activates_at timestamptz NOT NULL DEFAULT '-infinity';

-- Versions that must not be accepted any more. They are recognised by a digest of their value, because a restored backup may hold another
-- version of the same number.
CREATE TABLE revoked_purpose_secrets (
  fingerprint text PRIMARY KEY,
  purpose text NOT NULL,
  version integer NOT NULL,
  revoked_at timestamptz NOT NULL
);

-- Nodes keep secrets in memory; a change is told at the commit.
CREATE FUNCTION tell_secrets_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('signet_secrets', TG_TABLE_SCHEMA);
  RETURN NULL;
END $$;
CREATE TRIGGER tell_secrets_changed AFTER INSERT OR UPDATE OR DELETE ON purpose_secrets
  FOR EACH STATEMENT EXECUTE FUNCTION tell_secrets_changed();

-- False for nodes of the previous release.
ALTER TABLE nodes ADD COLUMN rereads_secrets boolean NOT NULL DEFAULT false;

-- Which version of `session-id` a session's `sid` is made with, so that it stays the same for as long as the session lives.
ALTER TABLE sessions ADD COLUMN IF NOT EXISTS sid_version integer NOT NULL DEFAULT 1;

-- On a large installation, build these beforehand: docs/deploy.md, "Before an upgrade that builds indexes".
-- Whether anything still needs a version, and which refresh tokens end with one.
CREATE INDEX IF NOT EXISTS sessions_sid_version_idx ON sessions (sid_version);
CREATE INDEX IF NOT EXISTS refresh_families_secret_idx ON refresh_families (secret_version, expires_at);

-- One more kind. A node of the previous release cannot follow it: it logs a warning and puts it off by a minute, and a node of this release
-- continues.
ALTER TABLE endings
  DROP CONSTRAINT endings_kind_check,
  ADD CONSTRAINT endings_kind_check CHECK (kind IN (
    'account', 'sessions', 'session_grants', 'connection', 'client', 'account_grants', 'client_grants', 'refresh_secret'));
