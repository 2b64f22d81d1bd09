-- What old clients call an app: names are DNS labels, their ids are not. `record` is what the family
-- shows of it and labkeeper does not need.
CREATE TABLE foreign_ids (
  family text NOT NULL,
  external_id text NOT NULL,
  app text NOT NULL REFERENCES apps ON DELETE CASCADE,
  record jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (family, external_id)
);
CREATE UNIQUE INDEX foreign_ids_app ON foreign_ids (app, family);

-- A new image on its way to being served: it is looked for before the app is changed. The state is
-- that of its operation; at most one an app is open, since a newer one overtakes it.
CREATE TABLE deployments (
  operation_id text PRIMARY KEY REFERENCES operations ON DELETE CASCADE,
  app text NOT NULL,
  plan jsonb NOT NULL,
  -- Set when it failed for one of the reasons the model names.
  failure text
);
CREATE INDEX deployments_app ON deployments (app);

-- What the last start found out: the port that answered, whether the prefix is kept.
ALTER TABLE apps ADD COLUMN learned jsonb;
