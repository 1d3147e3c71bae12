-- Pushed authorization requests (RFC 9126): the parameters of a request that a client has sent from its server, before the browser comes.
--
-- Rows refer to clients without a foreign key: creating one would block writes to that table, and a request is useless anyway once its client is
-- gone. It is deleted a few hours after it has expired (records/cleanup/cleanup-store.ts). The previous release ignores this table: it shows an
-- error page for a pushed request that reaches it.
CREATE TABLE pushed_requests (
  digest bytea PRIMARY KEY, -- of the random part of the request_uri
  client_id text NOT NULL,
  parameters text NOT NULL, -- JSON, sealed under the purpose secret `request-sealing`
  is_signed boolean NOT NULL, -- whether they were in a request object (RFC 9101) whose signature was verified
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL, -- no browser can begin with it after that
  completed_at timestamptz, -- when it got its response
  session_id bigint -- in which it was completed; null if consent was refused
);
CREATE INDEX pushed_requests_expires_at_idx ON pushed_requests (expires_at);
