-- A lost response is forgiven for a bounded time and in at most two generations in a row, no longer ten times in one.
-- forgiven_generation stays what it was, so both releases recognise a generation that the other has forgiven. Where it is greater than
-- forgiven_through, the previous release wrote it: the other columns then describe an earlier generation. forgiven_times is that
-- release's own count, and can be dropped once no node runs it.
ALTER TABLE refresh_families
  ADD COLUMN forgiven_run smallint NOT NULL DEFAULT 0, -- generations in a row that were forgiven, forgiven_generation included
  ADD COLUMN forgiven_through integer, -- the last generation of that run, forgiven or served again within the grace
  ADD COLUMN forgiven_at timestamptz, -- when forgiven_generation was last forgiven
  ADD COLUMN forgiven_seconds double precision NOT NULL DEFAULT 0; -- for how long it has been: its pauses, each of them bounded
