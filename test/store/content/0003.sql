INSERT INTO volumes (name, space, owner, title, host, max_bytes, size_bytes, file_count, is_whole,
  measured_at, hindrance, removal, deleted_at) VALUES
  ('notebooks', 'ml-101', 'ana', 'Ablesungen', 'local', 10737418240, 9007199254740991, 3, true,
    '2026-02-01T00:00:00Z', NULL, NULL, NULL),
  ('going', 'default', 'bob', NULL, 'local', 4096, NULL, NULL, NULL, NULL, 'permission denied', 'op-open',
    '2026-02-01T00:00:00Z'),
  ('unused', 'default', 'bob', NULL, NULL, 4096, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
