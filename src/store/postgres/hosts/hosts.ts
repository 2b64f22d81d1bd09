import type { Host } from '../../ports.ts';
import type { Database } from '../database.ts';

interface HostRow extends Record<string, unknown> {
  name: string;
  agent_url: string;
  runtimes: Host['runtimes'];
  storage: Host['storage'];
  cpus: number;
  memory_bytes: string;
  seen_ago_ms: number;
}

export async function heartbeat(database: Database, host: Omit<Host, 'seenAgoMs'>): Promise<void> {
  await database.query(
    `say that host/${host.name} lives`,
    `INSERT INTO hosts (name, agent_url, runtimes, storage, cpus, memory_bytes)
     VALUES ($1, $2, $3::jsonb, $4::jsonb, $5, $6)
     ON CONFLICT (name) DO UPDATE SET agent_url = excluded.agent_url,
       runtimes = excluded.runtimes, storage = excluded.storage, cpus = excluded.cpus,
       memory_bytes = excluded.memory_bytes, seen_at = now()`,
    [
      host.name,
      host.agentUrl,
      JSON.stringify(host.runtimes),
      JSON.stringify(host.storage),
      host.cpus,
      host.memoryBytes,
    ],
  );
}

export async function findHost(database: Database, name: string): Promise<Host | null> {
  const [row] = await database.query<HostRow>(
    `find host/${name}`,
    `${selectHosts} WHERE name = $1`,
    [name],
  );
  return row === undefined ? null : toHost(row);
}

export async function listHosts(database: Database): Promise<Host[]> {
  const rows = await database.query<HostRow>('list hosts', `${selectHosts} ORDER BY name`);
  return rows.map(toHost);
}

const selectHosts = `SELECT name, agent_url, runtimes, storage, cpus, memory_bytes,
  greatest(0, round(extract(epoch FROM now() - seen_at) * 1000))::float8 AS seen_ago_ms FROM hosts`;

function toHost(row: HostRow): Host {
  return {
    name: row.name,
    agentUrl: row.agent_url,
    runtimes: row.runtimes,
    storage: row.storage,
    cpus: row.cpus,
    memoryBytes: Number(row.memory_bytes),
    seenAgoMs: row.seen_ago_ms,
  };
}
