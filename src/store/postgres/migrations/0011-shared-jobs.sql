-- Jobs of old clients, whose files lie in a folder that they share: what their family shows of them
-- and labkeeper does not need, and the text that they run with.
CREATE TABLE shared_jobs (
  job text PRIMARY KEY REFERENCES jobs ON DELETE CASCADE,
  family text NOT NULL,
  record jsonb NOT NULL,
  config text NOT NULL
);

-- What a backend before labkeeper knew of its jobs. A row of `imports` says that it was asked, also
-- when there was nothing: it is never asked again.
CREATE TABLE imports (
  source text PRIMARY KEY,
  imported_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE imported_jobs (
  id text PRIMARY KEY,
  number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  family text NOT NULL,
  record jsonb NOT NULL,
  imported_at timestamptz NOT NULL DEFAULT now()
);
