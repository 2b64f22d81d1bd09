INSERT INTO shared_jobs (job, family, record, config) VALUES
  ('done-1', 'opeva', '{"job_name": "battery-1", "target_host": ""}', 'simulator: {dataset_name: évora}');
INSERT INTO imports (source) VALUES ('opeva');
INSERT INTO imported_jobs (id, family, record) VALUES
  ('old-1', 'opeva', '{"container_id": "0123456789ab", "exit_code": 9007199254740993}');
