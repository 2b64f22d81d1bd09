-- Many jobs of one definition, one for each set of parameters. Its jobs are rows from the beginning; the queue
-- starts as many at once as it may have.
CREATE TABLE sweeps (
  id text PRIMARY KEY CHECK (id ~ '^[A-Za-z0-9._-]{1,110}$' AND id NOT IN ('.', '..')),
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  space text NOT NULL REFERENCES spaces,
  owner text NOT NULL,
  title text,
  type text,
  body_digest text NOT NULL,
  idempotency_key text,
  -- Names of the parameters, in the order in which tables show them.
  parameters jsonb NOT NULL,
  total integer NOT NULL CHECK (total > 0),
  max_parallel integer CHECK (max_parallel > 0),
  fail_fast boolean NOT NULL,
  state text NOT NULL DEFAULT 'running'
    CHECK (state IN ('running', 'stopping', 'succeeded', 'failed', 'canceled')),
  actor text NOT NULL,
  why text NOT NULL,
  detail text,
  submitted_at timestamptz NOT NULL DEFAULT now(),
  since timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK ((state IN ('succeeded', 'failed', 'canceled')) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX sweeps_idempotency ON sweeps (owner, idempotency_key)
  WHERE idempotency_key IS NOT NULL;
CREATE INDEX sweeps_space ON sweeps (space, number DESC);
CREATE INDEX sweeps_live ON sweeps (id) WHERE finished_at IS NULL;

ALTER TABLE jobs ADD COLUMN sweep text REFERENCES sweeps, ADD COLUMN sweep_index integer,
  ADD COLUMN parameters jsonb,
  ADD CONSTRAINT jobs_sweep_whole CHECK ((sweep IS NULL) = (sweep_index IS NULL)
    AND (sweep IS NULL) = (parameters IS NULL));
CREATE UNIQUE INDEX jobs_sweep ON jobs (sweep, sweep_index) WHERE sweep IS NOT NULL;
CREATE INDEX jobs_sweep_state ON jobs (sweep, state) WHERE sweep IS NOT NULL;
CREATE INDEX jobs_lines ON jobs (owner, sweep, priority DESC, queued_at, number)
  WHERE state = 'queued';

CREATE OR REPLACE FUNCTION space_of(entity text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE split_part(entity, '/', 1)
    WHEN 'app' THEN (SELECT space FROM apps WHERE name = split_part(entity, '/', 2))
    WHEN 'volume' THEN (SELECT space FROM volumes WHERE name = split_part(entity, '/', 2))
    WHEN 'job' THEN (SELECT space FROM jobs WHERE id = split_part(entity, '/', 2))
    WHEN 'job-type' THEN (SELECT space FROM job_types WHERE name = split_part(entity, '/', 2))
    WHEN 'sweep' THEN (SELECT space FROM sweeps WHERE id = split_part(entity, '/', 2))
    WHEN 'space' THEN split_part(entity, '/', 2)
  END
$$;
