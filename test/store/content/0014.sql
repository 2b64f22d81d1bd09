INSERT INTO job_metrics (job, attempt, metric, slot, at, step, value) VALUES
  ('done-1', 1, 'reward', 0, '2026-02-01T00:00:00Z', 1, -0.1),
  ('done-1', 1, 'reward', 1, '2026-02-01T00:00:01Z', NULL, 1e300);
UPDATE jobs SET metric_names = '{reward}' WHERE id = 'done-1';
