-- Clients that registered themselves (RFC 7591, RFC 7592). The previous release serves them as any other client, within what the columns below allow. It
-- registers none, and it does not delete those that are never used.

-- Tables that refer to others first, as the statements that write to them lock them. A client is read before its resources.
LOCK TABLE grants IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE clients, resources IN ACCESS EXCLUSIVE MODE;

-- An API that such clients may request without being allowed one by one.
ALTER TABLE resources ADD COLUMN self_registered_clients boolean NOT NULL DEFAULT false;
CREATE INDEX resources_self_registered_clients_idx ON resources (self_registered_clients, identifier);

-- What only an operator gives to a client, enforced whatever statement changes it. An operator adopts the client first.
ALTER TABLE clients ADD CONSTRAINT clients_self_registered_check
  CHECK (NOT self_registered OR (NOT first_party AND groups = '{}' AND NOT 'client_credentials' = ANY (grant_types)));
CREATE INDEX clients_self_registered_name_idx ON clients (self_registered, lower(client_name) COLLATE "C", client_id) WHERE deleted_at IS NULL;

CREATE TABLE client_registrations (
  client_id text PRIMARY KEY REFERENCES clients ON DELETE CASCADE,
  token_digest bytea NOT NULL, -- SHA-256 of the registration access token
  initial_token bigint, -- the ID of the initial access token, which may have been deleted since
  registered_at timestamptz NOT NULL DEFAULT now(),
  presented_at timestamptz NOT NULL DEFAULT now(), -- when its name or the place that people are sent to last changed
  used_at timestamptz -- when somebody first gave it access
);
CREATE INDEX client_registrations_unused_idx ON client_registrations (registered_at) WHERE used_at IS NULL;

-- Initial access tokens (RFC 7591 §3).
CREATE TABLE registration_tokens (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  note text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  max_uses integer CHECK (max_uses > 0), -- null: any number
  uses integer NOT NULL DEFAULT 0 CHECK (uses <= max_uses)
);
CREATE INDEX registration_tokens_expires_at_idx ON registration_tokens (expires_at);

-- A trigger, so that grants that a node of the previous release opens count as well. It runs after the check of the foreign key, so that it locks rows in the
-- same order as the cleaner: the client, then its registration.
CREATE FUNCTION note_client_used() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE client_registrations SET used_at = now() WHERE client_id = NEW.client_id AND used_at IS NULL;
  RETURN NULL;
END $$;
CREATE TRIGGER note_client_used AFTER INSERT ON grants
  FOR EACH ROW WHEN (NEW.sub IS NOT NULL) EXECUTE FUNCTION note_client_used();
