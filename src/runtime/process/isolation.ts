import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ownGroups, type CgroupParent } from './cgroup.ts';

/** What pages say about the process runtime: it isolates nothing; limits only where cgroups let it. */
export interface ProcessIsolation {
  limits: 'enforced' | 'not enforced';
  /** One sentence for people. */
  reason: string;
}

const groupName = 'labkeeper';
const neededControllers = ['memory', 'cpu', 'pids'] as const;
let known: { parent: CgroupParent | null; reason: string } | undefined;

/** Whether memory, CPU and process limits of plain processes hold on this machine, and why not. */
export function processIsolation(): ProcessIsolation {
  const { parent, reason } = findCgroupParent();
  return { limits: parent === null ? 'not enforced' : 'enforced', reason };
}

/** Tried once a process: where groups can be made is not found out by looking, only by making. */
export function findCgroupParent(): { parent: CgroupParent | null; reason: string } {
  known ??= find();
  return known;
}

function find(): { parent: CgroupParent | null; reason: string } {
  if (process.platform !== 'linux') {
    return { parent: null, reason: `${process.platform} has no control groups` };
  }
  const own = ownGroups();
  try {
    if (own['memory'] && own['cpu'] && own['pids']) {
      const at = (folder: string) => join(folder, groupName);
      const parent: CgroupParent = {
        version: 1,
        memory: at(own['memory']),
        cpu: at(own['cpu']),
        cpuAccount: own['cpuacct'] ? at(own['cpuacct']) : null,
        pids: at(own['pids']),
      };
      for (const folder of [parent.memory, parent.cpu, parent.cpuAccount, parent.pids]) {
        if (folder !== null) tryFolder(folder);
      }
      return { parent, reason: 'by control groups (version 1)' };
    }
    if (own['unified']) return findUnified(own['unified']);
    return { parent: null, reason: 'no control groups with memory, cpu and pids are mounted' };
  } catch (error) {
    return { parent: null, reason: refusal(error) };
  }
}

/**
 * Version 2 gives controllers to children of a group without processes of its own only (the root
 * is exempt), so ancestors are tried too, nearest first.
 */
function findUnified(own: string): { parent: CgroupParent | null; reason: string } {
  let last: unknown = new Error('no group can be made');
  for (let folder = own; folder.startsWith('/sys/fs/cgroup'); folder = dirname(folder)) {
    try {
      handDown(folder);
      const parent = join(folder, groupName);
      mkdirSync(parent, { recursive: true });
      handDown(parent);
      tryFolder(parent);
      return {
        parent: { version: 2, memory: parent, cpu: parent, cpuAccount: null, pids: parent },
        reason: 'by control groups (version 2)',
      };
    } catch (error) {
      last = error;
    }
  }
  return { parent: null, reason: refusal(last) };
}

function handDown(folder: string): void {
  const given = readFileSync(join(folder, 'cgroup.subtree_control'), 'utf8').trim().split(' ');
  const missing = neededControllers.filter((controller) => !given.includes(controller));
  if (missing.length === 0) return;
  const change = missing.map((controller) => `+${controller}`).join(' ');
  writeFileSync(join(folder, 'cgroup.subtree_control'), change);
}

function tryFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const probe = join(folder, `probe-${process.pid}`);
  mkdirSync(probe);
  rmdirSync(probe);
}

function refusal(error: unknown): string {
  const why = error instanceof Error ? error.message : String(error);
  return `control groups cannot be written here (${why})`;
}
