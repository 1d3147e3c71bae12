-- Back-channel logout (OpenID Connect Back-Channel Logout 1.0): when a session ends, a job for each application that the person signed in to in it.
--
-- Everything hangs on triggers, so it does not matter which statement ends a session, or whether a node of the previous release does. Such a node leaves the
-- jobs to the nodes of this release, because graphile-worker takes only the tasks that a node names.
LOCK TABLE sessions, grants IN SHARE ROW EXCLUSIVE MODE;

-- Clients with a logout URI whose grants of a session have ended, or have been deleted, while the session goes on. For the others the open grants say the same.
-- Rows may be repeated: with a unique index, two transactions that end grants of one session could wait for each other. No foreign keys, as with grants:
-- they would lock the session.
CREATE TABLE session_clients (
  session_id bigint NOT NULL,
  client_id text NOT NULL
);
CREATE INDEX session_clients_session_id_client_id_idx ON session_clients (session_id, client_id);

CREATE FUNCTION keep_session_client() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO session_clients (session_id, client_id)
  SELECT OLD.session_id, OLD.client_id FROM clients
  WHERE clients.client_id = OLD.client_id AND deleted_at IS NULL
    AND (backchannel_logout_uri IS NOT NULL OR frontchannel_logout_uri IS NOT NULL)
    -- The row of a session is deleted a week after it has expired, and never at the same time as one is added here.
    AND EXISTS (SELECT FROM sessions WHERE sessions.id = OLD.session_id AND sessions.ended_at IS NULL AND sessions.expires_at > now())
    AND NOT EXISTS (SELECT FROM session_clients AS kept WHERE kept.session_id = OLD.session_id AND kept.client_id = OLD.client_id);
  RETURN NULL;
END $$;
CREATE TRIGGER keep_client_of_ended_grant AFTER UPDATE OF ended_at ON grants
  FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND OLD.session_id IS NOT NULL AND NEW.end_reason <> 'signed_out')
  EXECUTE FUNCTION keep_session_client();
-- The cleaner deletes a grant a week after its last token, and a session can last longer.
CREATE TRIGGER keep_client_of_deleted_grant AFTER DELETE ON grants
  FOR EACH ROW WHEN (OLD.session_id IS NOT NULL) EXECUTE FUNCTION keep_session_client();

CREATE FUNCTION forget_session_clients() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM session_clients WHERE session_id = ANY (ARRAY(SELECT id FROM gone));
  RETURN NULL;
END $$;
CREATE TRIGGER forget_session_clients AFTER DELETE ON sessions
  REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION forget_session_clients();

-- The clients that the person has signed in to in a session, at most a thousand: ending a session must not take long, even if somebody has opened grants of all
-- clients that there are. Call it before the grants of the session end.
--
-- A client can have thousands of grants in one session. So this reads one entry of the index for each client, and not one for each grant.
CREATE FUNCTION clients_of_session(session bigint) RETURNS SETOF text
LANGUAGE sql STABLE ROWS 10 AS $$
  WITH RECURSIVE open (client_id, place) AS (
    (SELECT client_id, 1 FROM grants
     WHERE ended_at IS NULL AND (session_id, client_id) >= (session, '') AND session_id <= session ORDER BY session_id, client_id LIMIT 1)
    UNION ALL
    SELECT following.client_id, open.place + 1 FROM open CROSS JOIN LATERAL (
      SELECT client_id FROM grants
      WHERE ended_at IS NULL AND (session_id, client_id) > (session, open.client_id) AND session_id <= session ORDER BY session_id, client_id LIMIT 1
    ) AS following WHERE open.place < 1000
  )
  SELECT client_id FROM open
  UNION
  (SELECT client_id FROM session_clients WHERE session_id = session ORDER BY client_id LIMIT 1000)
$$;

-- Adds jobs in the caller's transaction, as queue_job does for one. They are for a worker of their own, which is notified by another channel.
CREATE FUNCTION queue_notices(task text, payloads json[], priority integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(
    'SELECT FROM %1$I.add_jobs(ARRAY(SELECT ROW($1, payload, NULL, NULL, $3, NULL, $4, NULL)::%1$I.job_spec FROM unnest($2) AS payload))', jobs_schema()
  -- One attempt more than the task gets, which are those of a day: see src/platform/jobs.
  ) USING task, payloads, 14, priority;
  PERFORM pg_notify('signet_notices', current_schema());
END
$$;

-- Undoes what the queue has counted for the attempt that runs: it could not begin. The job still has to fail, which adds at least a second to the delay.
CREATE FUNCTION return_attempt(job bigint, delay interval) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format(
    'UPDATE %I._private_jobs SET attempts = greatest(attempts - 1, 0), run_at = now() + $2 WHERE id = $1 AND locked_at IS NOT NULL', jobs_schema()
  ) USING job, delay;
END
$$;

-- Returns the number of logout tokens that wait, up to 10,000. tend_jobs counts all jobs.
CREATE FUNCTION count_notices() RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  waiting integer;
BEGIN
  EXECUTE format(
    'SELECT count(*) FROM (SELECT FROM %I.jobs WHERE task_identifier = ''send_logout_token'' AND attempts < max_attempts LIMIT 10000) AS job', jobs_schema()
  ) INTO waiting;
  RETURN waiting;
END
$$;

-- The queue is not touched, and need not exist, as long as no client has a backchannel_logout_uri. No more than two hundred jobs are added for one session.
CREATE FUNCTION announce_session_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  registered json[];
  self_registered json[];
BEGIN
  SELECT array_agg(notice) FILTER (WHERE NOT found.self_registered), array_agg(notice) FILTER (WHERE found.self_registered)
  INTO registered, self_registered
  FROM (
    SELECT clients.self_registered,
      json_build_object('session', NEW.id, 'sidVersion', NEW.sid_version, 'sub', NEW.sub, 'client', clients.client_id) AS notice
    FROM clients
    WHERE clients.client_id = ANY (ARRAY(SELECT clients_of_session(NEW.id))) AND clients.backchannel_logout_uri IS NOT NULL AND clients.deleted_at IS NULL
    -- Those that nobody has vouched for must not displace the others.
    ORDER BY clients.self_registered LIMIT 200
  ) AS found;
  IF registered IS NOT NULL THEN PERFORM queue_notices('send_logout_token', registered, 0); END IF;
  -- Anybody may have registered these, any number of them. They must not delay the others.
  IF self_registered IS NOT NULL THEN PERFORM queue_notices('send_logout_token', self_registered, 1); END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER announce_session_end AFTER UPDATE OF ended_at ON sessions
  FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL) EXECUTE FUNCTION announce_session_end();
