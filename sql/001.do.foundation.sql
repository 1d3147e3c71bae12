-- The first shape of what Signet remembers. No statement names a schema: the connection's search_path does.
-- Secrets stand here as SHA-256 digests (random ones) or sealed under the master key. Times are the database's.

-- One issuer a schema. A start with another issuer is refused.
CREATE TABLE installation (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  issuer text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- A random secret for each purpose, sealed under the master key with purpose and version as associated data.
CREATE TABLE purpose_secrets (
  purpose text NOT NULL,
  version integer NOT NULL,
  sealed bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (purpose, version)
);

-- A key's state is a function of these moments and the time. They only ever move later, revoked_at excepted.
CREATE TABLE signing_keys (
  kid text PRIMARY KEY,
  alg text NOT NULL CHECK (alg IN ('ES256', 'RS256')),
  public_jwk jsonb NOT NULL,
  sealed_private_jwk bytea, -- gone once the key is retired or revoked
  longest_lifetime integer NOT NULL DEFAULT 0, -- seconds: the longest of anything it signed
  published_at timestamptz NOT NULL,
  activates_at timestamptz NOT NULL,
  retires_at timestamptz,
  revoked_at timestamptz,
  CHECK (published_at <= activates_at),
  CHECK (retires_at >= activates_at)
);

-- An API that takes access tokens (RFC 8707). A scope belongs to one resource.
CREATE TABLE resources (
  identifier text PRIMARY KEY,
  name text,
  access_token_ttl integer CHECK (access_token_ttl > 0), -- seconds; null: the setting
  access_token_signing_alg text NOT NULL DEFAULT 'ES256' CHECK (access_token_signing_alg IN ('ES256', 'RS256')),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE resource_scopes (
  scope text PRIMARY KEY,
  resource text NOT NULL REFERENCES resources ON DELETE CASCADE
);
CREATE INDEX ON resource_scopes (resource);

-- Client metadata under the names of RFC 7591 §2 and OpenID Connect Registration §2; the last four are Signet's own.
CREATE TABLE clients (
  client_id text PRIMARY KEY,
  client_name text NOT NULL,
  redirect_uris text[] NOT NULL DEFAULT '{}',
  post_logout_redirect_uris text[] NOT NULL DEFAULT '{}',
  grant_types text[] NOT NULL,
  response_types text[] NOT NULL,
  scope text NOT NULL,
  token_endpoint_auth_method text NOT NULL
    CHECK (token_endpoint_auth_method IN ('client_secret_basic', 'client_secret_post', 'none')),
  id_token_signed_response_alg text NOT NULL CHECK (id_token_signed_response_alg IN ('ES256', 'RS256')),
  default_max_age integer CHECK (default_max_age >= 0), -- seconds
  require_auth_time boolean NOT NULL DEFAULT false,
  client_uri text,
  logo_uri text,
  policy_uri text,
  tos_uri text,
  contacts text[] NOT NULL DEFAULT '{}',
  require_pkce boolean NOT NULL DEFAULT true,
  first_party boolean NOT NULL DEFAULT false,
  refresh_token_rotation boolean NOT NULL,
  resources text[] NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE client_secrets (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  client_id text NOT NULL REFERENCES clients ON DELETE CASCADE,
  digest bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON client_secrets (client_id);

-- A person. `sub` is never used again: deletion empties the row and leaves it as a tombstone.
CREATE TABLE accounts (
  sub text PRIMARY KEY,
  username text CHECK (position('@' IN username) = 0),
  name text,
  given_name text,
  family_name text,
  middle_name text,
  nickname text,
  profile text,
  picture text,
  website text,
  gender text,
  birthdate text,
  zoneinfo text,
  locale text,
  phone_number text,
  phone_number_verified boolean NOT NULL DEFAULT false,
  address jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  signed_in_at timestamptz,
  disabled_at timestamptz,
  deleted_at timestamptz
);
CREATE UNIQUE INDEX ON accounts (lower(username));

-- Unique only when verified: an unverified address blocks nobody.
CREATE TABLE account_emails (
  sub text NOT NULL REFERENCES accounts,
  email text NOT NULL,
  verified_at timestamptz,
  is_primary boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ON account_emails (sub, lower(email));
CREATE UNIQUE INDEX ON account_emails (sub) WHERE is_primary;
CREATE UNIQUE INDEX ON account_emails (lower(email)) WHERE verified_at IS NOT NULL;
CREATE INDEX ON account_emails (lower(email));

-- What a person proves themselves with; a password is one kind.
CREATE TABLE account_credentials (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sub text NOT NULL REFERENCES accounts,
  kind text NOT NULL CHECK (kind IN ('password')),
  secret text NOT NULL, -- a password: the argon2id hash in PHC form
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX ON account_credentials (sub) WHERE kind = 'password';

-- A browser's sign-in. The browser is told apart from the session, so that one may come to hold several.
CREATE TABLE sessions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  digest bytea NOT NULL UNIQUE,
  browser_digest bytea NOT NULL,
  sub text NOT NULL REFERENCES accounts,
  auth_time timestamptz NOT NULL,
  amr text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  used_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  ended_at timestamptz
);
CREATE INDEX ON sessions (sub);
CREATE INDEX ON sessions (browser_digest, sub);
CREATE INDEX ON sessions (least(expires_at, ended_at));

-- What a person allows a client.
CREATE TABLE consents (
  sub text NOT NULL REFERENCES accounts,
  client_id text NOT NULL REFERENCES clients ON DELETE CASCADE,
  scopes text[] NOT NULL,
  resources text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (sub, client_id)
);
CREATE INDEX ON consents (client_id);

-- One authorization. Code, refresh tokens and access tokens hang on it; its end is final.
CREATE TABLE grants (
  id text PRIMARY KEY,
  status_index bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  client_id text NOT NULL REFERENCES clients ON DELETE CASCADE,
  sub text REFERENCES accounts, -- null: client_credentials
  session_id bigint REFERENCES sessions ON DELETE SET NULL,
  client_secret_id bigint REFERENCES client_secrets ON DELETE SET NULL, -- client_credentials: the credential it stands for
  scopes text[] NOT NULL,
  resources text[] NOT NULL,
  auth_time timestamptz,
  acr text,
  amr text[],
  jkt text, -- RFC 9449: the thumbprint of the key that the tokens are bound to
  created_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  end_reason text,
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX ON grants (client_id);
CREATE INDEX ON grants (sub);
CREATE INDEX ON grants (session_id);
CREATE UNIQUE INDEX ON grants (client_secret_id) WHERE sub IS NULL AND ended_at IS NULL;
CREATE INDEX ON grants (ended_at) WHERE sub IS NULL;

CREATE TABLE authorization_codes (
  digest bytea PRIMARY KEY,
  grant_id text NOT NULL REFERENCES grants ON DELETE CASCADE,
  redirect_uri text NOT NULL,
  code_challenge text, -- S256 only
  nonce text,
  sid text NOT NULL,
  jkt text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  spent_at timestamptz
);
CREATE INDEX ON authorization_codes (grant_id);
CREATE INDEX ON authorization_codes (expires_at);

-- One row a family of refresh tokens. A token is s ‖ n ‖ HMAC(K, s ‖ n); the digest is of s.
CREATE TABLE refresh_families (
  digest bytea PRIMARY KEY,
  grant_id text NOT NULL UNIQUE REFERENCES grants ON DELETE CASCADE,
  secret_version integer NOT NULL, -- of K
  generation integer NOT NULL DEFAULT 0, -- the newest, never spent
  spends timestamptz[] NOT NULL DEFAULT '{}', -- when the last generations were first spent, the newest last
  forgiven_generation integer, -- the generation whose lost reply was last forgiven
  forgiven_times integer NOT NULL DEFAULT 0,
  sid text NOT NULL,
  nonce text,
  jkt text,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL, -- moves with each use
  max_expires_at timestamptz NOT NULL -- never moves
);
CREATE INDEX ON refresh_families (expires_at);

-- Append-only: who, what, when, from where, on which request.
CREATE TABLE events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT now(),
  type text NOT NULL,
  request_id text,
  network text, -- the caller's address
  client_id text,
  sub text,
  grant_id text,
  kid text,
  detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ON events (at);
CREATE INDEX ON events (request_id);
CREATE INDEX ON events (sub, at);
CREATE INDEX ON events (client_id, at);

CREATE FUNCTION events_are_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'events are append-only';
END $$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE ON events
  FOR EACH STATEMENT EXECUTE FUNCTION events_are_append_only();

-- Kept by rate-limiter-flexible.
CREATE TABLE rate_limits (
  key varchar(255) PRIMARY KEY,
  points integer NOT NULL DEFAULT 0,
  expire bigint
);
