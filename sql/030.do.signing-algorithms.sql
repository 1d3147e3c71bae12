-- Keys of more algorithms. The previous release creates none of them, cannot open them (key-ring/sealed-key.ts), and so neither publishes them nor signs
-- with them. It logs an error for each, once. They sign only after a day or more, when the nodes of the previous release have been replaced.
ALTER TABLE signing_keys
  DROP CONSTRAINT signing_keys_alg_check,
  ADD CONSTRAINT signing_keys_alg_check CHECK (alg IN ('ES256', 'RS256', 'PS256', 'EdDSA'));

-- The value of a secret that is the key of an HMAC (client_secret_jwt, ID tokens with HS256), sealed with that version of the purpose secret `client-secrets`.
-- The digest stays beside it: for clients that send the secret, and for the previous release, which ignores these columns.
ALTER TABLE client_secrets
  ADD COLUMN sealed text,
  ADD COLUMN sealed_version integer,
  ADD CONSTRAINT client_secrets_sealed_check CHECK ((sealed IS NULL) = (sealed_version IS NULL) AND (sealed IS NULL OR NOT is_short));
CREATE INDEX IF NOT EXISTS client_secrets_sealed_version_idx ON client_secrets (sealed_version) WHERE sealed_version IS NOT NULL;
