import type { ContainerStats } from 'dockerode';
import type { Usage } from '../containers.ts';
import { askJson, callOr, type Engine } from './engine.ts';
import { containerName } from './naming.ts';

/** The engine takes its two samples about a second apart itself. */
export async function readUsage(engine: Engine, name: string): Promise<Usage | null> {
  const stats = await readStats(engine, name, {});
  if (stats === null) return null;
  const { memory_stats: memory, cpu_stats: now, precpu_stats: before } = stats;
  const busy = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const all = now.system_cpu_usage - (before.system_cpu_usage ?? 0);
  const cores = now.online_cpus || (now.cpu_usage.percpu_usage?.length ?? 1);
  return {
    memoryBytes: usedBytes(memory),
    memoryLimitBytes: memory.limit,
    cpus: all > 0 ? Math.max(0, (busy / all) * cores) : 0,
    pids: stats.pids_stats?.current ?? 0,
  };
}

export async function readMemory(engine: Engine, name: string): Promise<number | null> {
  const stats = await readStats(engine, name, { 'one-shot': 'true' });
  return stats === null ? null : usedBytes(stats.memory_stats);
}

async function readStats(
  engine: Engine,
  name: string,
  query: Record<string, string>,
): Promise<ContainerStats | null> {
  const path = `/containers/${containerName(engine, name)}/stats`;
  const stats = await callOr(engine, `measure ${name}`, null, (signal) =>
    askJson<ContainerStats>(engine, path, { stream: 'false', ...query }, signal),
  );
  // What does not run answers with zeros.
  return stats?.memory_stats.usage ? stats : null;
}

/** Version 2 of cgroups, then version 1: what the kernel can drop at once is no use. */
function usedBytes(memory: ContainerStats['memory_stats']): number {
  const counts: Record<string, number> = { ...memory.stats };
  const droppable = counts['total_inactive_file'] ?? counts['inactive_file'] ?? 0;
  return Math.max(0, memory.usage - droppable);
}
