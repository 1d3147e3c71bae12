-- What nobody chose for a client is no longer the same as what somebody chose. Existing rows count as chosen.
ALTER TABLE clients
  -- True beside client_secret_basic: nobody chose a method, and the client may send its secret in either way. The previous release, which
  -- does not know this, goes on to demand Basic.
  ADD COLUMN token_endpoint_auth_method_unset boolean NOT NULL DEFAULT false,
  -- True beside require_pkce: a confidential client may send a nonce with openid instead. The previous release goes on to demand PKCE.
  ADD COLUMN require_pkce_auto boolean NOT NULL DEFAULT false,
  -- Whether the aud of a client assertion must be the issuer, as the previous release demands of every client.
  ADD COLUMN require_issuer_audience boolean NOT NULL DEFAULT false;

UPDATE clients SET require_issuer_audience = true WHERE token_endpoint_auth_method = 'private_key_jwt';
