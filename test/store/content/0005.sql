INSERT INTO foreign_ids (family, external_id, app, record) VALUES
  ('qulabs', 'Plot App', 'plot', '{"description": "eine Zeile\nund noch eine"}');
INSERT INTO deployments (operation_id, app, plan, failure) VALUES
  ('op-done', 'plot', '{"image": "plot:v3"}', NULL);
UPDATE apps SET learned = '{"prefixMode": "keep"}' WHERE name = 'plot';
