-- Clients that identify themselves by the URL of a client ID metadata document (draft-ietf-oauth-client-id-metadata-document). They are a kind of clients
-- that nobody has vouched for, so their rows are those of clients that registered themselves, with a document instead of a registration access token.
LOCK TABLE authorization_codes, consents IN ACCESS EXCLUSIVE MODE;
ALTER TABLE client_registrations
  ALTER COLUMN token_digest DROP NOT NULL,
  ADD COLUMN document_digest bytea, -- SHA-256 of what people and codes are bound to: presentation, redirect URIs, authentication method and keys
  ADD COLUMN document_fetched_at timestamptz,
  ADD COLUMN document_expires_at timestamptz, -- until then, a new request does not need to fetch it again
  ADD CONSTRAINT client_registrations_kind_check CHECK ((token_digest IS NULL) <> (document_digest IS NULL));

-- The document that a person saw, and that the request of a code was checked with. Null for other clients.
ALTER TABLE consents ADD COLUMN document_digest bytea;
ALTER TABLE authorization_codes ADD COLUMN document_digest bytea;
