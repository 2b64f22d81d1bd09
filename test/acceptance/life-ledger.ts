import { mkdtemp, readFile, chmod, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One line that a process of an echo app wrote about itself. */
export interface LifeLine {
  app: string;
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
  remove(): Promise<void>;
}

export async function openLifeLedger(): Promise<LifeLedger> {
  const folder = await mkdtemp(join(tmpdir(), 'lives-'));
  await chmod(folder, 0o777);
  const file = join(folder, 'ledger.jsonl');
  return {
    environmentFor: (app) => ({ LEDGER: file, LEDGER_APP: app }),
    async read(app) {
      const text = await readFile(file, 'utf8').catch(() => '');
      const lines = text
        .split('\n')
        .filter((line) => line !== '')
        .map((line): LifeLine => JSON.parse(line));
      return app === undefined ? lines : lines.filter((line) => line.app === app);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
