-- What apps need and nobody may read: sealed before it comes here, under a key that is never in the
-- database. Space, kind and name are bound into what is sealed, so rows cannot be swapped.
CREATE TABLE secrets (
  space text NOT NULL REFERENCES spaces,
  kind text NOT NULL CHECK (kind IN ('value', 'registry')),
  name text NOT NULL,
  owner text NOT NULL,
  version integer NOT NULL DEFAULT 1,
  key_id text NOT NULL,
  sealed bytea NOT NULL,
  changed_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (space, kind, name)
);
CREATE INDEX secrets_key ON secrets (key_id);

-- Which version an instance was started with, so that people can tell that a newer one waits.
CREATE TABLE instance_secrets (
  instance text NOT NULL REFERENCES instances ON DELETE CASCADE,
  name text NOT NULL,
  version integer,
  source text NOT NULL CHECK (source IN ('store', 'file', 'variable')),
  PRIMARY KEY (instance, name)
);

-- The registry an image comes from, as model/registry.ts has it.
CREATE FUNCTION image_registry(image text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN image !~ '^([^/]*[.:][^/]*|localhost)/' THEN 'docker.io'
    WHEN lower(split_part(image, '/', 1)) IN ('index.docker.io', 'registry-1.docker.io')
      THEN 'docker.io'
    ELSE lower(split_part(image, '/', 1))
  END
$$;
