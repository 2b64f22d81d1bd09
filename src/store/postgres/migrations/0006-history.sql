-- What charts show of an app. Every table here has a fixed upper bound of rows an app, kept by the
-- statements that write, so that nothing has to be cleaned up and a sleeping app costs nothing.

-- Time with a published route, by day in UTC; at most 400 days. The stretch that goes on now is in
-- `routes` and counted when it is over.
CREATE TABLE app_days (
  app text NOT NULL REFERENCES apps ON DELETE CASCADE,
  day date NOT NULL,
  awake_ms bigint NOT NULL DEFAULT 0,
  wakes integer NOT NULL DEFAULT 0,
  PRIMARY KEY (app, day)
);

-- The last 50 wakes of an app and how long each of their phases took.
CREATE TABLE app_wakes (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  app text NOT NULL REFERENCES apps ON DELETE CASCADE,
  generation integer NOT NULL,
  host text NOT NULL,
  asked_at timestamptz NOT NULL,
  -- Null while it goes on, and for one that failed.
  ready_at timestamptz,
  place_ms double precision NOT NULL,
  pull_ms double precision NOT NULL DEFAULT 0,
  start_ms double precision NOT NULL DEFAULT 0,
  probe_ms double precision NOT NULL DEFAULT 0,
  publish_ms double precision NOT NULL DEFAULT 0
);
CREATE INDEX app_wakes_app ON app_wakes (app, id);

-- Two rings an app: a slot is written over when its turn comes again. Rows are updated in place, so
-- they need room in their page, and no index on what changes.
CREATE TABLE app_memory (
  app text NOT NULL REFERENCES apps ON DELETE CASCADE,
  step text NOT NULL CHECK (step IN ('fine', 'coarse')),
  slot integer NOT NULL,
  -- When the slot's time began.
  at timestamptz NOT NULL,
  samples integer NOT NULL,
  mean_bytes bigint NOT NULL,
  peak_bytes bigint NOT NULL,
  PRIMARY KEY (app, step, slot)
) WITH (fillfactor = 80);

-- Adds a stretch of awake time to its days. An app that is being removed has none any more.
CREATE FUNCTION add_awake_time(of_app text, since timestamptz, until timestamptz, woke integer)
RETURNS void LANGUAGE sql AS $$
  INSERT INTO app_days AS stored (app, day, awake_ms, wakes)
  SELECT of_app, (begins AT TIME ZONE 'UTC')::date,
    greatest(0, extract(epoch FROM
      least(until, begins + interval '24 hours') - greatest(since, begins)) * 1000),
    CASE WHEN begins <= since THEN woke ELSE 0 END
  FROM generate_series(
    date_trunc('day', greatest(since, until - interval '400 days'), 'UTC'), until, '24 hours'
  ) AS begins
  WHERE EXISTS (SELECT FROM apps WHERE name = of_app)
  ON CONFLICT (app, day) DO UPDATE SET awake_ms = stored.awake_ms + excluded.awake_ms,
    wakes = stored.wakes + excluded.wakes;
  DELETE FROM app_days WHERE app = of_app AND day < (until AT TIME ZONE 'UTC')::date - 400;
$$;

-- The one place that sees every way in which a route comes and goes.
CREATE FUNCTION count_awake_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM add_awake_time(NEW.app, NEW.ready_at, NEW.ready_at, 1);
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM add_awake_time(OLD.app, OLD.ready_at, now(), 0);
  ELSE
    PERFORM add_awake_time(OLD.app, OLD.ready_at, NEW.ready_at,
      CASE WHEN NEW.generation <> OLD.generation THEN 1 ELSE 0 END);
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER routes_come AFTER INSERT OR DELETE ON routes
  FOR EACH ROW EXECUTE FUNCTION count_awake_time();
CREATE TRIGGER routes_move AFTER UPDATE OF ready_at ON routes
  FOR EACH ROW WHEN (NEW.ready_at <> OLD.ready_at) EXECUTE FUNCTION count_awake_time();

-- Finished operations are forgotten after a while, the oldest first.
CREATE INDEX operations_finished ON operations (finished_at) WHERE finished_at IS NOT NULL;

-- W3C trace context of the request that was accepted: a life that begins later goes on in its trace.
ALTER TABLE operations ADD COLUMN traceparent text;
