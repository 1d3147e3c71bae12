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

-- Browsers that have signed in to an account. Others wait after very many failures at the account; these do not. A row outlives the
-- sessions: it is deleted a year after the last sign-in, or when the account forgets its browsers (records/sessions/known-browsers-store.ts).
-- There is no foreign key: rows of accounts are never deleted, and creating one would lock accounts against writing until the end of
-- this transaction. The previous release does not write here: who signs in through it becomes known at the next sign-in, and who
-- changes the password through it keeps the browsers that were known.
CREATE TABLE known_browsers (
  sub text NOT NULL,
  browser_digest bytea NOT NULL, -- of the browser's cookie
  used_at timestamptz NOT NULL, -- when somebody last signed in to the account there
  PRIMARY KEY (sub, browser_digest)
);

-- This reads all sessions once and locks nothing that is in use. What ended together with the account's other sessions, by a new
-- password for example, is not known any more. No more than a hundred for each account, as insertSession keeps it.
INSERT INTO known_browsers (sub, browser_digest, used_at)
  SELECT sub, browser_digest, used_at FROM (
    SELECT sessions.sub, browser_digest, max(auth_time) AS used_at,
      row_number() OVER (PARTITION BY sessions.sub ORDER BY max(auth_time) DESC) AS place
    FROM sessions JOIN accounts ON accounts.sub = sessions.sub
    WHERE sessions.epoch >= accounts.session_epoch
    GROUP BY sessions.sub, browser_digest
  ) AS latest WHERE place <= 100;

-- The index of sessions over (browser_digest, sub) stays until a later release: the previous one needs it.
CREATE INDEX known_browsers_browser_digest_used_at_idx ON known_browsers (browser_digest, used_at, sub);
CREATE INDEX known_browsers_used_at_idx ON known_browsers (used_at);
