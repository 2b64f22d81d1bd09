INSERT INTO volumes (name, space, owner, title, host, max_bytes, size_bytes, file_count, is_whole, measured_at) VALUES
  ('notebooks', 'default', 'ana', 'Notebooks', 'local', 10737418240, 4096, 3, true, '2026-03-02T09:15:04.120Z'),
  ('unused', 'default', 'ana', NULL, NULL, 1048576, NULL, NULL, NULL, NULL);
