-- Who may do what. Names are what timelines call people; rows are disabled, never removed, so that
-- a name always means the same person.
CREATE TABLE people (
  name text PRIMARY KEY,
  title text NOT NULL,
  operator boolean NOT NULL DEFAULT false,
  disabled boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  last_seen_at timestamptz
);

-- Who a person is to an identity provider.
CREATE TABLE identities (
  issuer text NOT NULL,
  subject text NOT NULL,
  person text NOT NULL REFERENCES people,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (issuer, subject)
);

ALTER TABLE spaces ADD COLUMN max_apps integer CHECK (max_apps >= 0),
  ADD COLUMN max_awake_apps integer CHECK (max_awake_apps >= 0);

CREATE TABLE members (
  space text NOT NULL REFERENCES spaces ON DELETE CASCADE,
  person text NOT NULL REFERENCES people,
  role text NOT NULL CHECK (role IN ('viewer', 'user', 'instructor', 'admin')),
  since timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (space, person)
);
CREATE INDEX members_person ON members (person);

-- Secrets are kept as SHA-256 of 256 random bits: nothing here lets anybody in.
CREATE TABLE sessions (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  digest bytea NOT NULL UNIQUE,
  person text NOT NULL REFERENCES people,
  via text NOT NULL,
  agent text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sessions_person ON sessions (person);
CREATE INDEX sessions_expiry ON sessions (expires_at);

CREATE TABLE tokens (
  id text PRIMARY KEY,
  digest bytea NOT NULL,
  person text NOT NULL REFERENCES people,
  label text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz,
  last_used_at timestamptz
);
CREATE INDEX tokens_person ON tokens (person);

CREATE TABLE login_links (
  digest bytea PRIMARY KEY,
  person text NOT NULL REFERENCES people,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);

-- `labkeeper login`: the program holds the device code, the person confirms the short one.
CREATE TABLE device_logins (
  digest bytea PRIMARY KEY,
  user_code text NOT NULL UNIQUE,
  label text NOT NULL,
  person text REFERENCES people,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  taken_at timestamptz
);

-- Signed links to one app. The gateway checks signature and end by itself and knows the open ones.
CREATE TABLE app_links (
  id text PRIMARY KEY,
  app text NOT NULL REFERENCES apps ON DELETE CASCADE,
  label text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  expires_at timestamptz NOT NULL,
  revoked_at timestamptz
);
CREATE INDEX app_links_app ON app_links (app);

-- In which space something happened: people read the timelines of their spaces only. Kept on the event,
-- since it outlives what it happened to.
ALTER TABLE events ADD COLUMN space text;
CREATE FUNCTION space_of(entity text) RETURNS text LANGUAGE sql STABLE AS $$
  SELECT CASE split_part(entity, '/', 1)
    WHEN 'app' THEN (SELECT space FROM apps WHERE name = split_part(entity, '/', 2))
    WHEN 'space' THEN split_part(entity, '/', 2)
  END
$$;
CREATE FUNCTION place_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.space := COALESCE(NEW.space, space_of(NEW.entity), (
    SELECT space FROM events WHERE entity = NEW.entity ORDER BY tx DESC, id DESC LIMIT 1));
  RETURN NEW;
END $$;
CREATE TRIGGER events_place BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION place_event();
UPDATE events SET space = COALESCE(space_of(entity), CASE WHEN entity LIKE 'app/%' THEN 'default' END);
CREATE INDEX events_space ON events (space, tx, id);

-- A hint for gateways: what somebody may open has changed. By row, since the removal of an app also runs a statement
-- on the links it does not have.
CREATE FUNCTION notify_access() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('labkeeper_access', '');
  RETURN NULL;
END $$;
CREATE TRIGGER people_access AFTER UPDATE OF operator, disabled ON people
  FOR EACH ROW EXECUTE FUNCTION notify_access();
CREATE TRIGGER members_access AFTER UPDATE OR DELETE ON members
  FOR EACH ROW EXECUTE FUNCTION notify_access();
CREATE TRIGGER sessions_access AFTER DELETE ON sessions
  FOR EACH ROW EXECUTE FUNCTION notify_access();
CREATE TRIGGER tokens_access AFTER UPDATE OF revoked_at ON tokens
  FOR EACH ROW EXECUTE FUNCTION notify_access();
CREATE TRIGGER app_links_access AFTER INSERT OR UPDATE OR DELETE ON app_links
  FOR EACH ROW EXECUTE FUNCTION notify_access();
