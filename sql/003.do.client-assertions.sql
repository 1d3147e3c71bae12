-- Clients that authenticate with a key (RFC 7523, OpenID Connect Core §9).
ALTER TABLE clients
  ADD COLUMN jwks jsonb,
  ADD COLUMN token_endpoint_auth_signing_alg text
    CHECK (token_endpoint_auth_signing_alg IN ('ES256', 'RS256', 'PS256', 'EdDSA')),
  DROP CONSTRAINT clients_token_endpoint_auth_method_check,
  ADD CONSTRAINT clients_token_endpoint_auth_method_check
    CHECK (token_endpoint_auth_method IN ('client_secret_basic', 'client_secret_post', 'private_key_jwt', 'none')),
  ADD CONSTRAINT clients_jwks_check CHECK (token_endpoint_auth_method <> 'private_key_jwt' OR jwks IS NOT NULL);

-- Every assertion that was accepted, until it expires: each is good once (RFC 7523 §3, item 7).
CREATE TABLE client_assertions (
  client_id text NOT NULL REFERENCES clients ON DELETE CASCADE,
  jti_digest bytea NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (client_id, jti_digest)
);
CREATE INDEX ON client_assertions (expires_at);

-- The standing grant of a client whose credential is its key.
CREATE UNIQUE INDEX ON grants (client_id) WHERE sub IS NULL AND client_secret_id IS NULL AND ended_at IS NULL;
