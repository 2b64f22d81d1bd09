-- A computation that runs and ends. The row is the authority that it was accepted; what it does is
-- told by its workflow. `number` names its instances and orders the queue: ids come from outside and
-- may be anything.
CREATE TABLE jobs (
  id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9._-]{1,128}$' AND id NOT IN ('.', '..')),
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  space text NOT NULL REFERENCES spaces,
  owner text NOT NULL,
  -- What is run, with every default filled in.
  spec jsonb NOT NULL,
  -- Of the body as it was asked for, so that a repeat is told from another job under the same id.
  body_digest text NOT NULL,
  idempotency_key text,
  life bigint NOT NULL DEFAULT 0,
  revision bigint NOT NULL DEFAULT 0,
  state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'preparing', 'running',
    'stopping', 'succeeded', 'failed', 'canceled', 'expired')),
  -- Why it ended otherwise than well, or why its last attempt did: one of model/job-state.ts.
  cause text,
  -- The attempt that runs or ran last; 0 before the first.
  attempt integer NOT NULL DEFAULT 0,
  host text,
  actor text NOT NULL,
  why text NOT NULL,
  detail text,
  -- Set when somebody asked for its end: who, why, when; and when what was seen of it.
  cancel jsonb,
  exit jsonb,
  -- What ran: digest of the image, as the runtime said it.
  image_digest text,
  last_log_lines jsonb NOT NULL DEFAULT '[]',
  progress jsonb,
  progress_at timestamptz,
  result jsonb,
  -- What the queue goes by, taken out of the definition.
  type text,
  priority integer NOT NULL,
  cpus double precision NOT NULL,
  memory_bytes bigint NOT NULL,
  devices integer NOT NULL,
  runtime text NOT NULL CHECK (runtime IN ('docker', 'process')),
  wanted_host text,
  -- When it last began to wait, and when it may be granted again after a failed attempt.
  queued_at timestamptz NOT NULL DEFAULT now(),
  ready_at timestamptz NOT NULL DEFAULT now(),
  queue_deadline_at timestamptz NOT NULL,
  submitted_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  run_deadline_at timestamptz,
  finished_at timestamptz,
  since timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((state IN ('succeeded', 'failed', 'canceled', 'expired')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX jobs_idempotency ON jobs (owner, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX jobs_space ON jobs (space, number DESC);
CREATE INDEX jobs_owner ON jobs (owner, number DESC);
CREATE INDEX jobs_state ON jobs (state, number DESC);
CREATE INDEX jobs_type ON jobs (type, number DESC) WHERE type IS NOT NULL;
CREATE INDEX jobs_live ON jobs (number) WHERE finished_at IS NULL;
CREATE INDEX jobs_queued ON jobs (owner, priority DESC, queued_at, number) WHERE state = 'queued';
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;

-- A piece of a host that one attempt holds. Capacity lives here and nowhere else: what has no row
-- holds nothing.
CREATE TABLE leases (
  job text PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
  attempt integer NOT NULL,
  host text NOT NULL,
  cpus double precision NOT NULL,
  memory_bytes bigint NOT NULL,
  granted_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX leases_host ON leases (host);
CREATE TABLE device_leases (
  host text NOT NULL,
  device text NOT NULL,
  job text NOT NULL REFERENCES leases (job) ON DELETE CASCADE,
  PRIMARY KEY (host, device)
);
CREATE INDEX device_leases_job ON device_leases (job);

-- What of a host jobs may use, and what it is called by; written with its heartbeat.
ALTER TABLE hosts ADD COLUMN job_cpus double precision NOT NULL DEFAULT 0,
  ADD COLUMN job_memory_bytes bigint NOT NULL DEFAULT 0,
  ADD COLUMN labels jsonb NOT NULL DEFAULT '{}',
  ADD COLUMN devices jsonb NOT NULL DEFAULT '[]';

-- Entries that no operation waits for: what a job is told is in its row, and the entry only says
-- that there is news.
ALTER TABLE outbox ALTER COLUMN operation_id DROP NOT NULL;

CREATE OR REPLACE FUNCTION space_of(entity text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE split_part(entity, '/', 1)
    WHEN 'app' THEN (SELECT space FROM apps WHERE name = split_part(entity, '/', 2))
    WHEN 'volume' THEN (SELECT space FROM volumes WHERE name = split_part(entity, '/', 2))
    WHEN 'job' THEN (SELECT space FROM jobs WHERE id = split_part(entity, '/', 2))
    WHEN 'space' THEN split_part(entity, '/', 2)
  END
$$;

-- Hints to look at the queue, or at one job, sooner.
CREATE FUNCTION notify_job_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('labkeeper_jobs', COALESCE(NEW.id, OLD.id));
  RETURN NULL;
END $$;
CREATE TRIGGER jobs_notify AFTER INSERT OR DELETE ON jobs
  FOR EACH ROW EXECUTE FUNCTION notify_job_row();
CREATE TRIGGER jobs_change AFTER UPDATE ON jobs
  FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION notify_job_row();
