-- A named folder on one host that outlives instances and apps. The host is set at first use, in the
-- transaction that judges which of two first users wins.
CREATE TABLE volumes (
  name text PRIMARY KEY CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  space text NOT NULL DEFAULT 'default' REFERENCES spaces,
  owner text NOT NULL,
  title text,
  host text,
  max_bytes bigint NOT NULL CHECK (max_bytes > 0),
  -- As last measured; all or nothing.
  size_bytes bigint CHECK (size_bytes >= 0),
  file_count bigint CHECK (file_count >= 0),
  -- False when the walk ended at its bound.
  is_whole boolean,
  measured_at timestamptz,
  -- What hindered the last walk.
  hindrance text,
  -- When its agent looks at it next.
  due_at timestamptz NOT NULL DEFAULT now(),
  -- The operation that removes it: the row goes when its host has removed the folder.
  removal text REFERENCES operations,
  deleted_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((size_bytes IS NULL) = (measured_at IS NULL)),
  CHECK ((file_count IS NULL) = (measured_at IS NULL)),
  CHECK ((is_whole IS NULL) = (measured_at IS NULL)),
  CHECK ((removal IS NULL) = (deleted_at IS NULL)),
  CHECK (deleted_at IS NULL OR host IS NOT NULL)
);
CREATE INDEX volumes_space ON volumes (space, name);
CREATE INDEX volumes_due ON volumes (host, due_at);

-- Which apps name a volume.
CREATE INDEX apps_volumes ON apps USING gin ((spec -> 'volumes') jsonb_path_ops)
  WHERE spec -> 'volumes' <> '[]';

-- Events of a volume belong to its space, as those of an app do.
CREATE OR REPLACE FUNCTION space_of(entity text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE split_part(entity, '/', 1)
    WHEN 'app' THEN (SELECT space FROM apps WHERE name = split_part(entity, '/', 2))
    WHEN 'volume' THEN (SELECT space FROM volumes WHERE name = split_part(entity, '/', 2))
    WHEN 'space' THEN split_part(entity, '/', 2)
  END
$$;
