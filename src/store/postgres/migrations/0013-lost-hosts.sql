-- A host that was given up begins a new epoch: it gets no work until it has said that whatever it had
-- in earlier ones is gone.
ALTER TABLE hosts ADD COLUMN epoch bigint NOT NULL DEFAULT 0,
  ADD COLUMN settled_epoch bigint NOT NULL DEFAULT 0;

-- `lost`: the host of the present attempt is given up, by whom, why and when. `picked_up`: that host has begun with
-- it, so that only the host knows what there is. Attempts that went down with a host, and such as were
-- taken back before they began, are no failures of the program.
ALTER TABLE jobs ADD COLUMN lost jsonb,
  ADD COLUMN picked_up boolean NOT NULL DEFAULT false,
  ADD COLUMN host_losses integer NOT NULL DEFAULT 0,
  ADD COLUMN recalls integer NOT NULL DEFAULT 0;
UPDATE jobs SET picked_up = true WHERE state IN ('preparing', 'running', 'stopping');
