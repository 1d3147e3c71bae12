-- More metadata of clients, under the names of RFC 7591, OpenID Connect Registration, RFC 9101 and RFC 9126. Until the last node of the previous release has been
-- replaced, such a node ignores the new columns, and refuses what it does not know: authentication with the new methods, keys at jwks_uri, signatures with the
-- new algorithms, and request objects. What only restricts a client has no effect there: require_signed_request_object and
-- require_pushed_authorization_requests. Userinfo is not signed there. It would tell pairwise clients the account's own sub, so no client becomes
-- pairwise while such a node runs (031).
ALTER TABLE clients
  ADD COLUMN application_type text NOT NULL DEFAULT 'web' CHECK (application_type IN ('web', 'native')),
  ADD COLUMN jwks_uri text,
  ADD COLUMN subject_type text NOT NULL DEFAULT 'public' CHECK (subject_type IN ('public', 'pairwise')),
  ADD COLUMN sector_identifier_uri text,
  ADD COLUMN userinfo_signed_response_alg text CHECK (userinfo_signed_response_alg IN ('ES256', 'RS256', 'PS256', 'EdDSA')),
  ADD COLUMN request_object_signing_alg text CHECK (request_object_signing_alg IN ('ES256', 'RS256', 'PS256', 'EdDSA')),
  ADD COLUMN require_signed_request_object boolean NOT NULL DEFAULT false,
  ADD COLUMN request_uris text[] NOT NULL DEFAULT '{}',
  ADD COLUMN require_pushed_authorization_requests boolean NOT NULL DEFAULT false,
  ADD COLUMN initiate_login_uri text,
  ADD COLUMN software_id text,
  ADD COLUMN software_version text,
  ADD COLUMN self_registered boolean NOT NULL DEFAULT false, -- nobody has verified who is behind it
  DROP CONSTRAINT clients_token_endpoint_auth_method_check,
  ADD CONSTRAINT clients_token_endpoint_auth_method_check CHECK (token_endpoint_auth_method IN
    ('client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none')),
  DROP CONSTRAINT clients_token_endpoint_auth_signing_alg_check,
  ADD CONSTRAINT clients_token_endpoint_auth_signing_alg_check
    CHECK (token_endpoint_auth_signing_alg IN ('ES256', 'RS256', 'PS256', 'EdDSA', 'HS256')),
  DROP CONSTRAINT clients_id_token_signed_response_alg_check,
  ADD CONSTRAINT clients_id_token_signed_response_alg_check
    CHECK (id_token_signed_response_alg IN ('ES256', 'RS256', 'PS256', 'EdDSA', 'HS256')),
  DROP CONSTRAINT clients_jwks_check,
  ADD CONSTRAINT clients_keys_check CHECK (token_endpoint_auth_method <> 'private_key_jwt' OR jwks IS NOT NULL OR jwks_uri IS NOT NULL),
  ADD CONSTRAINT clients_one_jwks_check CHECK (jwks IS NULL OR jwks_uri IS NULL); -- RFC 7591 §2
