INSERT INTO app_days (app, day, awake_ms, wakes) VALUES ('plot', '2026-01-31', 3600000, 2);
INSERT INTO app_wakes (app, generation, host, asked_at, ready_at, place_ms, probe_ms) VALUES
  ('plot', 5, 'lab-1', '2026-02-01T00:00:00Z', '2026-02-01T00:00:02.5Z', 0.1, 1234.5678901234567);
INSERT INTO app_memory (app, step, slot, at, samples, mean_bytes, peak_bytes) VALUES
  ('plot', 'fine', 3, '2026-02-01T00:00:00Z', 6, 9007199254740993, 9007199254740995);
UPDATE operations SET traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
WHERE id = 'op-open';
