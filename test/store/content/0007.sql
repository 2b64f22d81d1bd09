INSERT INTO jobs (id, space, owner, spec, body_digest, idempotency_key, life, revision, state, cause,
  attempt, host, actor, why, detail, exit, progress, progress_at, result, priority, cpus, memory_bytes,
  devices, runtime, queue_deadline_at, started_at, finished_at) VALUES
  ('done-1', 'default', 'ada', '{"command": ["true"], "config": {"seed": 1}}', 'digest-1', 'key-1',
   1, 3, 'succeeded', NULL, 1, 'lab-1', 'ada', 'submitted', 'ended with exit code 0',
   '{"exitCode": 0, "signal": null, "outOfMemory": false}', '{"step": 9007199254740993}',
   '2026-02-01T00:00:00Z', '{"value": {"kpi": 0.1}}', 0, 1.5, 9007199254740993, 0, 'process',
   '2026-02-08T00:00:00Z', '2026-02-01T00:00:00Z', '2026-02-01T00:01:00Z'),
  ('runs-1', 'default', 'ada', '{"command": ["true"]}', 'digest-2', NULL, 1, 2, 'running', NULL, 1,
   'lab-1', 'ada', 'submitted', NULL, NULL, NULL, NULL, NULL, 0, 1, 1073741824, 1, 'process',
   '2026-02-08T00:00:00Z', '2026-02-01T00:00:00Z', NULL),
  ('waits-1', 'default', 'ada', '{"command": ["true"]}', 'digest-3', NULL, 0, 0, 'queued', NULL, 0,
   NULL, 'ada', 'submitted', NULL, NULL, NULL, NULL, NULL, 0, 1, 1073741824, 0, 'process',
   '2126-02-08T00:00:00Z', NULL, NULL);
INSERT INTO leases (job, attempt, host, cpus, memory_bytes) VALUES
  ('runs-1', 1, 'lab-1', 1, 1073741824);
INSERT INTO device_leases (host, device, job) VALUES ('lab-1', 'GPU-1', 'runs-1');
