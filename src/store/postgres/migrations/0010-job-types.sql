-- A named kind of job: what runs, and the schema of what it is given. Removed ones leave their jobs.
CREATE TABLE job_types (
  name text PRIMARY KEY CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  space text NOT NULL REFERENCES spaces,
  owner text NOT NULL,
  spec jsonb NOT NULL,
  revision integer NOT NULL DEFAULT 1,
  max_running integer CHECK (max_running >= 0),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX job_types_space ON job_types (space, name);

-- Which definition of its type a job was made from.
ALTER TABLE jobs ADD COLUMN type_revision integer;

CREATE OR REPLACE FUNCTION space_of(entity text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE split_part(entity, '/', 1)
    WHEN 'app' THEN (SELECT space FROM apps WHERE name = split_part(entity, '/', 2))
    WHEN 'volume' THEN (SELECT space FROM volumes WHERE name = split_part(entity, '/', 2))
    WHEN 'job' THEN (SELECT space FROM jobs WHERE id = split_part(entity, '/', 2))
    WHEN 'job-type' THEN (SELECT space FROM job_types WHERE name = split_part(entity, '/', 2))
    WHEN 'space' THEN split_part(entity, '/', 2)
  END
$$;
