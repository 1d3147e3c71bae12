-- Requests of devices without a browser (RFC 8628). A request belongs to nobody until a person has decided about it on another device.
--
-- Rows refer to clients and grants without foreign keys: creating one would block writes to those tables, and a row is useless anyway once its
-- client or grant is gone. It is deleted after it has expired (records/cleanup/cleanup-store.ts). The previous release ignores this table.
CREATE TABLE device_requests (
  digest bytea PRIMARY KEY, -- of the device_code
  -- Eight letters that the person types. A digest would not hide them, so they are stored as they are, and null once somebody has decided.
  user_code text COLLATE "C" UNIQUE,
  client_id text NOT NULL,
  scopes text[] NOT NULL,
  resources text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  poll_interval integer NOT NULL, -- seconds; grows each time the device asks too soon
  polled_at timestamptz,
  denied_at timestamptz,
  grant_id text, -- once somebody has allowed it
  sid text,
  spent_at timestamptz -- when the device received its tokens
)
-- A device asks every few seconds. No index covers what that changes, so the new version of the row fits on the same page.
WITH (fillfactor = 50);
CREATE INDEX device_requests_undecided_idx ON device_requests (expires_at) WHERE grant_id IS NULL;
CREATE INDEX device_requests_allowed_idx ON device_requests (expires_at) WHERE grant_id IS NOT NULL;
