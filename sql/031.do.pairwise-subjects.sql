-- The salt of pairwise subjects (OpenID Connect Core §8.1): 244 random bits, the same for as long as the installation exists, because a new one would
-- change the subjects of all people at all pairwise clients. It is no credential. The default fills the row that is there, and the row that the first start
-- of a server inserts, also of a server of the previous release.
ALTER TABLE installation
  ADD COLUMN subject_salt bytea NOT NULL DEFAULT uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

-- False for nodes of the previous release. They tell every client the account's own sub, so no client becomes pairwise while one of them runs.
ALTER TABLE nodes ADD COLUMN knows_pairwise boolean NOT NULL DEFAULT false;
