-- Files that people send before the jobs that read them. Kept in pieces here and not on one machine, since nobody knows yet
-- which host will run the job.
CREATE TABLE uploads (
  id text PRIMARY KEY,
  owner text NOT NULL,
  name text NOT NULL,
  size_bytes bigint NOT NULL DEFAULT 0,
  -- Null until all of it is here.
  sha256 bytea,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX uploads_owner ON uploads (owner);
CREATE INDEX uploads_expiry ON uploads (expires_at);
CREATE TABLE upload_pieces (
  upload text NOT NULL REFERENCES uploads ON DELETE CASCADE,
  place integer NOT NULL,
  bytes bytea NOT NULL,
  PRIMARY KEY (upload, place)
);

-- What a job finds in its inputs. An upload stays as long as a job that is not over reads it.
CREATE TABLE job_inputs (
  job text NOT NULL REFERENCES jobs ON DELETE CASCADE,
  name text NOT NULL,
  upload text NOT NULL REFERENCES uploads ON DELETE CASCADE,
  PRIMARY KEY (job, name)
);
CREATE INDEX job_inputs_upload ON job_inputs (upload);
