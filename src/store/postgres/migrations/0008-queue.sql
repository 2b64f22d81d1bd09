-- What may run at once of a space, and wait of it.
ALTER TABLE spaces ADD COLUMN max_running_jobs integer CHECK (max_running_jobs >= 0),
  ADD COLUMN max_queued_jobs integer CHECK (max_queued_jobs >= 0);

-- What somebody keeps from starting: the whole queue (`queue`), or what waits of one space (`space/<name>`).
CREATE TABLE holds (
  scope text PRIMARY KEY,
  actor text NOT NULL,
  why text NOT NULL,
  since timestamptz NOT NULL DEFAULT now()
);

-- The same for one job; and what it is like, for how long it will probably take: its type, its image, its program.
ALTER TABLE jobs ADD COLUMN hold jsonb, ADD COLUMN likeness text NOT NULL DEFAULT '';
CREATE INDEX jobs_likeness ON jobs (likeness, finished_at DESC) WHERE state = 'succeeded';

-- A hint that the queue is another one; the empty name stands for all of it.
CREATE FUNCTION notify_queue() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('labkeeper_jobs', '');
  RETURN NULL;
END $$;
CREATE TRIGGER holds_notify AFTER INSERT OR UPDATE OR DELETE ON holds
  FOR EACH STATEMENT EXECUTE FUNCTION notify_queue();
