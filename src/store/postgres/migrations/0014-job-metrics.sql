-- Figures of running jobs over time, for charts: a bounded number of points an attempt and name. `slot` counts steps of the
-- ring since the attempt began; as it goes on every second slot is dropped (model/job-metrics.ts).
CREATE TABLE job_metrics (
  job text NOT NULL REFERENCES jobs ON DELETE CASCADE,
  attempt integer NOT NULL,
  metric text NOT NULL,
  slot bigint NOT NULL,
  at timestamptz NOT NULL,
  -- Where the program was; null when it does not say.
  step double precision,
  value double precision NOT NULL,
  PRIMARY KEY (job, attempt, metric, slot)
) WITH (fillfactor = 80);

-- The names that were told first; later ones are not kept.
ALTER TABLE jobs ADD COLUMN metric_names text[] NOT NULL DEFAULT '{}';
