-- The newest refusals of a client, page by page.
--
-- On a large installation, build the index beforehand under this name, while Signet runs: docs/deploy.md, "Before an upgrade that builds
-- indexes". It is skipped here then.
CREATE INDEX IF NOT EXISTS refusals_client_id_id_idx ON refusals (client_id, id);
