INSERT INTO sweeps (id, space, owner, body_digest, parameters, total, fail_fast, actor, why) VALUES
  ('grid-1', 'default', 'ada', 'digest-4', '["a"]', 1, false, 'ada', 'submitted');
INSERT INTO jobs (id, space, owner, spec, body_digest, actor, why, priority, cpus, memory_bytes,
  devices, runtime, queue_deadline_at, sweep, sweep_index, parameters) VALUES
  ('grid-1.0', 'default', 'ada', '{"command": ["true"]}', 'digest-5', 'ada', 'submitted', 0, 1, 1, 0,
   'process', '2126-02-08T00:00:00Z', 'grid-1', 0, '{"a": 1}');
