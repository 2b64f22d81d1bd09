INSERT INTO secrets (space, kind, name, owner, version, key_id, sealed, changed_by) VALUES
  ('ml-101', 'value', 'api-key', 'ana', 2, 'key-1', '\xdeadbeef00', 'ana');
INSERT INTO instance_secrets (instance, name, version, source) VALUES
  ('app-plot-5', 'api-key', 2, 'store');
