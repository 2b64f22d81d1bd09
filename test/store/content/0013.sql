UPDATE jobs SET lost = '{"actor": "ada", "why": "it burned", "at": "2026-02-01T00:00:00.000Z"}', picked_up = true,
  host_losses = 1, recalls = 2 WHERE id = 'runs-1';
