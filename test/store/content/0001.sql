-- Rows as a lab had them under migration 0001: everything a later version must bring along.
-- Names, words and numbers are chosen to hurt a careless copy.
INSERT INTO spaces (name, title, created_at) VALUES
  ('ml-101', E'Machine learning\twith tabs \\ and "quotes"', '2026-01-02T03:04:05.678901Z'),
  ('leer', '', '2026-01-02T03:04:05Z');

INSERT INTO apps (name, space, owner, spec, spec_revision, life, revision, wanted, phase,
  generation, host, since, actor, why, detail, restart_at, sleeps_at, exit, last_log_lines) VALUES
  ('plot', 'ml-101', 'ana', '{"command": ["serve", "{port}"], "title": "Plot\nin two lines"}', 3, 7,
    12, 'awake', 'ready', 5, 'lab-1', '2026-02-01T00:00:00Z', 'bob', 'visited', NULL, NULL,
    '2026-02-01T01:00:00Z', NULL, '[]'),
  ('kernel', 'default', 'ana', '{"command": ["kernel"], "alwaysOn": true}', 1, 1, 2, 'awake', 'ready',
    2, 'lab-1', '2026-02-01T00:00:00Z', 'ana', 'registered', NULL, NULL, NULL, NULL, '[]'),
  ('broken', 'default', 'ana', '{"command": ["false"]}', 1, 2, 9, 'awake', 'failed', 4, 'lab-1',
    '2026-02-01T00:00:00Z', 'ana', 'opened', 'exited with code 1', NULL, NULL,
    '{"exitCode": 1, "signal": null, "outOfMemory": false}', '["one", "zwei \\ 二"]'),
  ('sleeper', 'default', 'ana', '{"command": ["serve"]}', 1, 1, 4, 'asleep', 'none', 1, 'lab-1',
    '2026-02-01T00:00:00Z', 'idle clock', 'unused', NULL, NULL, NULL, NULL, '[]'),
  ('going', 'default', 'ana', '{"command": ["serve"]}', 1, 1, 5, 'gone', 'draining', 1, 'lab-1',
    '2026-02-01T00:00:00Z', 'ana', 'not needed', NULL, NULL, NULL, NULL, '[]'),
  ('new', 'default', 'ana', '{"command": ["serve"]}', 1, 0, 0, 'asleep', 'none', 0, NULL,
    '2026-02-01T00:00:00Z', 'ana', 'registered', NULL, NULL, NULL, NULL, '[]');

INSERT INTO lives (entity, life, generation) VALUES
  ('app/plot', 7, 5), ('app/kernel', 1, 2), ('app/broken', 2, 4), ('app/sleeper', 1, 1),
  ('app/going', 1, 1), ('app/removed-long-ago', 4, 9);

INSERT INTO app_use (app, last_use_at, reason, disconnected_at) VALUES
  ('plot', '2026-02-01T00:30:00Z', 'GET /report', NULL),
  ('sleeper', '2026-01-31T00:00:00Z', NULL, '2026-01-31T00:00:01Z');

INSERT INTO operations (id, entity, verb, state, actor, why, detail, joinable, created_at, finished_at) VALUES
  ('op-done', 'app/plot', 'wake', 'succeeded', 'bob', 'visited', 'it is ready', true,
    '2026-02-01T00:00:00Z', '2026-02-01T00:00:02Z'),
  ('op-open', 'app/going', 'remove', 'accepted', 'ana', 'not needed', NULL, false,
    '2026-02-01T00:00:03Z', NULL);
INSERT INTO outbox (entity, operation_id, payload, attempts, last_error) VALUES
  ('app/going', 'op-open',
    '{"operationId": "op-open", "command": "remove", "cause": {"actor": "ana", "why": "not needed"}, "needsNewInstance": false}',
    2, 'Temporal was away');

-- As two transactions leave them that ran side by side: the order is (tx, id), not id.
INSERT INTO events (id, tx, entity, at, actor, what, why, data) OVERRIDING SYSTEM VALUE VALUES
  (1, '900000000001', 'app/plot', '2026-02-01T00:00:00Z', 'ana', 'registered', 'first', '{}'),
  (2, '900000000003', 'app/plot', '2026-02-01T00:00:02Z', 'bob', 'ready', 'third', '{"deep": [1, null, "\\N"]}'),
  (3, '900000000002', 'app/plot', '2026-02-01T00:00:01Z', 'bob', 'starting', 'second', '{}'),
  (7, '900000000004', 'app/going', '2026-02-01T00:00:03Z', 'ana', 'removing', 'fourth', '{}');
SELECT setval(pg_get_serial_sequence('events', 'id'), 9);

-- What no backup holds.
INSERT INTO gateways (id, listener, host) VALUES ('gateway-1', 'apps', 'lab-1');
INSERT INTO hosts (name, agent_url, runtimes, storage, cpus, memory_bytes) VALUES
  ('lab-1', 'http://127.0.0.1:1', '[]', '{}', 8, 1);
INSERT INTO routes (app, generation, host, address, port, state, close_id) VALUES
  ('plot', 5, 'lab-1', '127.0.0.1', 4000, 'closing', 'close-1');
INSERT INTO route_words (app, close_id, gateway, in_flight, open_sockets) VALUES
  ('plot', 'close-1', 'gateway-1', 1, 2);
INSERT INTO app_connections (app, gateway, in_flight, open_sockets) VALUES ('plot', 'gateway-1', 1, 2);
INSERT INTO instances (instance, entity, generation, host, wanted) VALUES
  ('app-plot-5', 'app/plot', 5, 'lab-1', 'present');
