-- Failed sign-ins in a row from browsers that the account does not know, over all networks. One row for each account, and for each name
-- that was typed and that no account has. A row that no failure was counted in for a day is deleted (records/cleanup/cleanup-store.ts).
CREATE TABLE failed_sign_ins (
  key text COLLATE "C" PRIMARY KEY, -- a digest: the table names nobody
  failures integer NOT NULL,
  failed_at timestamptz NOT NULL, -- when the last one was counted
  next_at timestamptz NOT NULL, -- after a hundred: when the next attempt is let through
  forgiven_at timestamptz, -- when a success last forgave more than a few
  -- How many failures a day were taken back because the password was another account's with the same address, and since when.
  taken_back integer NOT NULL DEFAULT 0,
  taken_back_since timestamptz
);
CREATE INDEX failed_sign_ins_failed_at_idx ON failed_sign_ins (failed_at);
