import type { Host, HostCapacity, HostEpochs, HostReport } from '../../ports.ts';
import type { Database } from '../database.ts';

interface HostRow extends Record<string, unknown> {
  name: string;
  agent_url: string;
  runtimes: Host['runtimes'];
  storage: Host['storage'];
  cpus: number;
  memory_bytes: string;
  job_cpus: number;
  job_memory_bytes: string;
  labels: HostCapacity['labels'];
  devices: HostCapacity['devices'];
  seen_ago_ms: number;
}

const none: HostCapacity = { cpus: 0, memoryBytes: 0, labels: {}, devices: [] };

export async function heartbeat(database: Database, host: HostReport): Promise<HostEpochs> {
  const { capacity = none } = host;
  const [row] = await database.query<{ epoch: string; settled_epoch: string }>(
    `say that host/${host.name} lives`,
    `INSERT INTO hosts (name, agent_url, runtimes, storage, cpus, memory_bytes, job_cpus,
       job_memory_bytes, labels, devices)
     VALUES ($1, $2, $3::jsonb, $4::jsonb, $5, $6, $7, $8, $9::jsonb, $10::jsonb)
     ON CONFLICT (name) DO UPDATE SET agent_url = excluded.agent_url,
       runtimes = excluded.runtimes, storage = excluded.storage, cpus = excluded.cpus,
       memory_bytes = excluded.memory_bytes, job_cpus = excluded.job_cpus,
       job_memory_bytes = excluded.job_memory_bytes, labels = excluded.labels,
       devices = excluded.devices, seen_at = now()
     RETURNING epoch, settled_epoch`,
    [
      host.name,
      host.agentUrl,
      JSON.stringify(host.runtimes),
      JSON.stringify(host.storage),
      host.cpus,
      host.memoryBytes,
      capacity.cpus,
      capacity.memoryBytes,
      JSON.stringify(capacity.labels),
      JSON.stringify(capacity.devices),
    ],
  );
  return { epoch: Number(row?.epoch ?? 0), settledEpoch: Number(row?.settled_epoch ?? 0) };
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
  job_cpus, job_memory_bytes, labels, devices,
  greatest(0, round(extract(epoch FROM now() - seen_at) * 1000))::float8 AS seen_ago_ms FROM hosts`;

function toHost(row: HostRow): Host {
  return {
    name: row.name,
    agentUrl: row.agent_url,
    runtimes: row.runtimes,
    storage: row.storage,
    cpus: row.cpus,
    memoryBytes: Number(row.memory_bytes),
    capacity: {
      cpus: row.job_cpus,
      memoryBytes: Number(row.job_memory_bytes),
      labels: row.labels,
      devices: row.devices,
    },
    seenAgoMs: row.seen_ago_ms,
  };
}
