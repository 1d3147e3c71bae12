-- What lists, look-ups and clean-up go through, so that none of them reads a whole table.
--
-- On a large installation, build the indexes beforehand under these names, one by one, while Signet runs:
-- docs/deploy.md, "Before an upgrade that builds indexes". They are skipped here then.

-- Clients by name, page by page; and those that have a resource or a scope that goes.
CREATE INDEX IF NOT EXISTS clients_name_idx ON clients (lower(client_name) COLLATE "C", client_id) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS clients_resources_idx ON clients USING gin (resources);
CREATE INDEX IF NOT EXISTS clients_scope_idx ON clients USING gin (string_to_array(scope, ' '));

-- The longest lifetime of an access token.
CREATE INDEX IF NOT EXISTS resources_access_token_ttl_idx ON resources (access_token_ttl);

CREATE INDEX IF NOT EXISTS rate_limits_expire_idx ON rate_limits (expire);

-- Accounts, page by page; and of any number that have the same address, the one that has verified it, then those that entered it first.
CREATE INDEX IF NOT EXISTS accounts_created_at_sub_idx ON accounts (created_at, sub) WHERE deleted_at IS NULL;
CREATE INDEX IF NOT EXISTS account_emails_lower_verified_at_created_at_idx
  ON account_emails (lower(email), verified_at, created_at);
DROP INDEX IF EXISTS account_emails_lower_idx1;

-- All credentials of an account, of whatever kind: they go when it is deleted.
CREATE INDEX IF NOT EXISTS account_credentials_sub_kind_idx ON account_credentials (sub, kind);

-- The newest grants of a person or a client. status_index grows with each grant.
CREATE INDEX IF NOT EXISTS grants_sub_status_index_idx ON grants (sub, status_index);
CREATE INDEX IF NOT EXISTS grants_client_id_status_index_idx ON grants (client_id, status_index);
-- The grants that stand for a secret, open or ended: a secret that is deleted is taken off them (ON DELETE SET NULL).
CREATE INDEX IF NOT EXISTS grants_of_client_secrets_idx ON grants (client_secret_id) WHERE client_secret_id IS NOT NULL;
DROP INDEX IF EXISTS grants_sub_idx;
DROP INDEX IF EXISTS grants_client_id_idx;

-- The newest events of a type, and those about a key. Last, because events is the largest table: it is locked for as short as can be.
CREATE INDEX IF NOT EXISTS events_kid_at_idx ON events (kid, at) WHERE kid IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_type_at_idx ON events (type, at);
DROP INDEX IF EXISTS events_type_id_idx;
