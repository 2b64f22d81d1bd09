INSERT INTO people (name, title, operator, disabled, created_by, last_seen_at) VALUES
  ('ana', 'Ana Ábrahám', true, false, 'labkeeper', '2026-02-01T00:00:00Z'),
  ('bob', 'Bob', false, true, 'ana', NULL);
INSERT INTO identities (issuer, subject, person) VALUES ('https://id.example', 'a|1', 'ana');
UPDATE spaces SET max_apps = 3, max_awake_apps = 0 WHERE name = 'ml-101';
INSERT INTO members (space, person, role) VALUES ('ml-101', 'bob', 'instructor');
INSERT INTO tokens (id, digest, person, label, created_by, expires_at, revoked_at) VALUES
  ('token-1', '\x00ff5c', 'ana', 'airflow', 'ana', '2027-01-01T00:00:00Z', NULL),
  ('token-2', '\x01', 'bob', 'old', 'ana', '2027-01-01T00:00:00Z', '2026-02-01T00:00:00Z');
INSERT INTO app_links (id, app, label, created_by, expires_at) VALUES
  ('link-1', 'plot', 'for the review', 'ana', '2027-01-01T00:00:00Z');
INSERT INTO events (entity, actor, what, why, space) VALUES
  ('app/removed-long-ago', 'ana', 'removed', 'kept where it was', 'ml-101');

INSERT INTO sessions (digest, person, via, agent, expires_at) VALUES
  ('\x02', 'ana', 'login link', 'Firefox', '2027-01-01T00:00:00Z');
INSERT INTO login_links (digest, person, created_by, expires_at) VALUES
  ('\x03', 'ana', 'labkeeper', '2027-01-01T00:00:00Z');
INSERT INTO device_logins (digest, user_code, label, expires_at) VALUES
  ('\x04', 'ABCD-EFGH', 'laptop', '2027-01-01T00:00:00Z');
