INSERT INTO uploads (id, owner, name, size_bytes, sha256, created_at, expires_at) VALUES
  ('5b1d2a52-6b0e-4e0b-9d0e-0c7f4f6f1a11', 'ada', 'weather, odd "name".csv', 4, '\x00ff', '2026-02-01T00:00:00Z',
   '2126-02-01T00:00:00Z'),
  ('5b1d2a52-6b0e-4e0b-9d0e-0c7f4f6f1a12', 'ada', 'half', 0, NULL, '2026-02-01T00:00:00Z',
   '2126-02-01T00:00:00Z');
INSERT INTO upload_pieces (upload, place, bytes) VALUES
  ('5b1d2a52-6b0e-4e0b-9d0e-0c7f4f6f1a11', 0, '\x0001'), ('5b1d2a52-6b0e-4e0b-9d0e-0c7f4f6f1a11', 1, '\xfeff');
INSERT INTO job_inputs (job, name, upload) VALUES
  ('done-1', 'weather.csv', '5b1d2a52-6b0e-4e0b-9d0e-0c7f4f6f1a11');
