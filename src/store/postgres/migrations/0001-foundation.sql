-- One row: which installation this database is. Containers carry its id as a label.
CREATE TABLE installation (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation DEFAULT VALUES;

-- Counts the lives of an entity's workflow; outlives the entity's row, so that a name used again
-- never meets writes of its predecessor.
-- `generation` is the highest one ever used: no instance name is used twice.
CREATE TABLE lives (
  entity text PRIMARY KEY,
  life bigint NOT NULL DEFAULT 0,
  generation integer NOT NULL DEFAULT 0
);

CREATE TABLE spaces (
  name text PRIMARY KEY,
  title text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO spaces (name, title) VALUES ('default', 'Default');

CREATE TABLE apps (
  name text PRIMARY KEY CHECK (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  space text NOT NULL DEFAULT 'default' REFERENCES spaces,
  owner text NOT NULL,
  spec jsonb NOT NULL,
  spec_revision integer NOT NULL DEFAULT 1,
  life bigint NOT NULL DEFAULT 0,
  revision bigint NOT NULL DEFAULT 0,
  wanted text NOT NULL DEFAULT 'asleep' CHECK (wanted IN ('awake', 'asleep', 'gone')),
  phase text NOT NULL DEFAULT 'none'
    CHECK (phase IN ('none', 'starting', 'ready', 'draining', 'restarting', 'failed')),
  generation integer NOT NULL DEFAULT 0,
  host text,
  since timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  why text NOT NULL,
  detail text,
  restart_at timestamptz,
  sleeps_at timestamptz,
  exit jsonb,
  last_log_lines jsonb NOT NULL DEFAULT '[]',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX apps_space ON apps (space, name);
CREATE INDEX apps_live ON apps (name) WHERE wanted <> 'asleep' OR phase NOT IN ('none', 'failed');

-- Where the gateway forwards to. The statement that takes a row from closing to gone is the judge
-- of the race between an idle stop and a visitor.
CREATE TABLE routes (
  app text PRIMARY KEY REFERENCES apps ON DELETE CASCADE,
  generation integer NOT NULL,
  host text NOT NULL,
  address text NOT NULL,
  port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closing')),
  close_id text,
  ready_at timestamptz NOT NULL DEFAULT now(),
  CHECK ((state = 'closing') = (close_id IS NOT NULL))
);

CREATE TABLE gateways (
  id text PRIMARY KEY,
  listener text NOT NULL,
  host text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  seen_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE route_words (
  app text NOT NULL REFERENCES apps ON DELETE CASCADE,
  close_id text NOT NULL,
  gateway text NOT NULL REFERENCES gateways ON DELETE CASCADE,
  in_flight integer NOT NULL CHECK (in_flight >= 0),
  open_sockets integer NOT NULL CHECK (open_sockets >= 0),
  last_use_at timestamptz,
  said_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (app, close_id, gateway)
);

-- Last use, written in batches. It outlives gateways, and so does when the last socket of a
-- gateway that is gone ended; counts belong to one gateway each.
CREATE TABLE app_use (
  app text PRIMARY KEY REFERENCES apps ON DELETE CASCADE,
  last_use_at timestamptz,
  reason text,
  disconnected_at timestamptz
);
CREATE TABLE app_connections (
  app text NOT NULL REFERENCES apps ON DELETE CASCADE,
  gateway text NOT NULL REFERENCES gateways ON DELETE CASCADE,
  in_flight integer NOT NULL CHECK (in_flight >= 0),
  open_sockets integer NOT NULL CHECK (open_sockets >= 0),
  -- When this gateway's last socket ended; null while one is open or none ever was.
  disconnected_at timestamptz,
  PRIMARY KEY (app, gateway)
);

CREATE TABLE operations (
  id text PRIMARY KEY,
  -- The order in which operations of one entity were accepted.
  place bigint GENERATED ALWAYS AS IDENTITY,
  entity text NOT NULL,
  verb text NOT NULL,
  state text NOT NULL DEFAULT 'accepted' CHECK (state IN ('accepted', 'succeeded', 'failed')),
  actor text NOT NULL,
  why text NOT NULL,
  detail text,
  -- A wake that later wakes may join: cleared by a sleep or removal accepted after it.
  joinable boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  finished_at timestamptz,
  CHECK ((state = 'accepted') = (finished_at IS NULL))
);
CREATE INDEX operations_open ON operations (entity) WHERE state = 'accepted';
CREATE INDEX operations_removals ON operations (entity, place) WHERE verb = 'remove';
-- The judge of many visitors at once: one wake is enough.
CREATE UNIQUE INDEX operations_joinable ON operations (entity) WHERE state = 'accepted' AND joinable;

CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  entity text NOT NULL,
  operation_id text NOT NULL UNIQUE REFERENCES operations ON DELETE CASCADE,
  payload jsonb NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  due_at timestamptz NOT NULL DEFAULT now(),
  last_error text,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_due ON outbox (due_at);
CREATE INDEX outbox_entity ON outbox (entity, id);

-- Append-only, in the order (tx, id). Readers stay below the oldest open transaction, so that none
-- commits behind them: a later transaction has a greater tx, whatever its ids.
CREATE TABLE events (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  tx xid8 NOT NULL DEFAULT pg_current_xact_id(),
  entity text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  actor text NOT NULL,
  what text NOT NULL,
  why text NOT NULL,
  data jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX events_order ON events (tx, id);
CREATE INDEX events_entity ON events (entity, tx, id);

CREATE TABLE hosts (
  name text PRIMARY KEY,
  agent_url text NOT NULL,
  runtimes jsonb NOT NULL,
  storage jsonb NOT NULL,
  cpus double precision NOT NULL,
  memory_bytes bigint NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT now()
);

-- Intent before effect: what is wanted of a container or process, written before it is made.
CREATE TABLE instances (
  instance text PRIMARY KEY,
  entity text NOT NULL,
  generation integer NOT NULL,
  host text NOT NULL,
  wanted text NOT NULL CHECK (wanted IN ('present', 'absent')),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX instances_host ON instances (host);
CREATE INDEX instances_entity ON instances (entity);

-- Hints to look sooner; whoever listens also looks from time to time.
CREATE FUNCTION notify_app_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('labkeeper_apps', COALESCE(NEW.name, OLD.name));
  RETURN NULL;
END $$;
CREATE TRIGGER apps_notify AFTER INSERT OR UPDATE OR DELETE ON apps
  FOR EACH ROW EXECUTE FUNCTION notify_app_row();

CREATE FUNCTION notify_route_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('labkeeper_apps', COALESCE(NEW.app, OLD.app));
  RETURN NULL;
END $$;
CREATE TRIGGER routes_notify AFTER INSERT OR UPDATE OR DELETE ON routes
  FOR EACH ROW EXECUTE FUNCTION notify_route_row();

CREATE FUNCTION notify_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('labkeeper_events', '');
  RETURN NULL;
END $$;
CREATE TRIGGER events_notify AFTER INSERT ON events
  FOR EACH STATEMENT EXECUTE FUNCTION notify_events();
