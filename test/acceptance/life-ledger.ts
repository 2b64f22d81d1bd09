import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One line that a process of an echo app wrote about itself. */
export interface LifeLine {
  app: string;
  /** Name that labkeeper gave it: app and generation. */
  instance: string;
  /** `rival`: another process of the same app was alive when this one began. */
  what: 'begun' | 'listening' | 'ended' | 'rival';
  pid: number;
  atMs: number;
}

/** What processes of apps say of their own lives, independent of labkeeper. */
export interface LifeLedger {
  /** Environment for one app: where its processes write. */
  environmentFor(app: string): Record<string, string>;
  read(app?: string): Promise<LifeLine[]>;
  /** Processes that began and live now, whatever labkeeper knows of them. */
  alive(app?: string): Promise<{ instance: string; pid: number }[]>;
  /** Every break of the rule that an instance is one process, and one only at a time; in words. */
  doubles(): Promise<string[]>;
  remove(): Promise<void>;
}

/** `LABKEEPER_LEDGERS` names a folder in which ledgers stay, for a look at them afterwards. */
export async function openLifeLedger(): Promise<LifeLedger> {
  const kept = process.env['LABKEEPER_LEDGERS'];
  const folder = await mkdtemp(join(kept ?? tmpdir(), 'lives-'));
  await chmod(folder, 0o777);
  const file = join(folder, 'ledger.jsonl');
  const read = async (app?: string): Promise<LifeLine[]> => {
    const text = await readFile(file, 'utf8').catch(() => '');
    const lines = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): LifeLine => JSON.parse(line));
    return app === undefined ? lines : lines.filter((line) => line.app === app);
  };
  const begun = async (app?: string) => (await read(app)).filter(({ what }) => what === 'begun');
  return {
    environmentFor: (app) => ({ LEDGER: file, LEDGER_APP: app }),
    read,
    async alive(app) {
      const living = (await begun(app)).filter(isAlive);
      return living.map(({ instance, pid }) => ({ instance, pid }));
    },
    async doubles() {
      const rivals = (await read())
        .filter(({ what }) => what === 'rival')
        .map(({ instance, pid }) => `${instance}: ${pid} began while another process lived`);
      const times = new Map<string, number>();
      for (const { instance } of await begun()) {
        times.set(instance, (times.get(instance) ?? 0) + 1);
      }
      const again = [...times]
        .filter(([, count]) => count > 1)
        .map(([instance, count]) => `${instance} was made ${count} times`);
      return [...rivals, ...again];
    },
    async remove() {
      if (kept === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Numbers of processes come again: it counts only while its environment names the instance. */
function isAlive({ pid, instance }: LifeLine): boolean {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    return variables.some(
      (variable) => variable.startsWith('LABKEEPER_INSTANCE=') && variable.endsWith(`/${instance}`),
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return false;
    throw error;
  }
}
