import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../model/failures.ts';
import { identify, isAlive, type ProcessIdentity } from './process-identity.ts';

/** Another one that takes over at the same time shows itself within this. */
const settleMs = 250;

export interface SupervisorLock {
  /** The supervisor that left its lock behind, when it ended without removing it. */
  tookOverFrom: ProcessIdentity | null;
  release(): Promise<void>;
}

/**
 * One supervisor a data folder. A lock whose process is gone (killed, or from before a boot) is
 * taken over. Throws `conflict` when one is at work.
 */
export async function lockSupervisor(runFolder: string): Promise<SupervisorLock> {
  const file = join(runFolder, 'supervisor.json');
  const own = identify(process.pid);
  if (own === null)
    throw new Error('cannot lock the data folder: this process cannot be identified');
  const text = JSON.stringify(own);
  const draft = `${file}.${own.pid}`;
  await writeFile(draft, text, { mode: 0o600 });
  try {
    const stale = await acquire(file, draft);
    await settle(file, text);
    return {
      tookOverFrom: stale,
      release: async () => {
        if ((await readText(file)) === text) await rm(file, { force: true });
      },
    };
  } finally {
    await rm(draft, { force: true });
  }
}

/** The supervisor that is at work on this folder; null when none is. */
export async function findSupervisor(runFolder: string): Promise<ProcessIdentity | null> {
  const holder = parse(await readText(join(runFolder, 'supervisor.json')));
  return holder !== null && isAlive(holder) ? holder : null;
}

/** A link is made whole or not at all. Gives what was taken over, null when nothing was there. */
async function acquire(file: string, draft: string): Promise<ProcessIdentity | null> {
  let stale: ProcessIdentity | null = null;
  for (;;) {
    try {
      await link(draft, file);
      return stale;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const before = await readText(file);
    if (before === null) continue;
    const holder = parse(before);
    if (holder !== null && isAlive(holder)) throw occupied(holder);
    stale = holder;
    const aside = `${draft}.stale`;
    await rename(file, aside).catch(() => undefined);
    const moved = await readText(aside);
    // Somebody was faster: what was moved is a fresh lock, and goes back.
    if (moved !== null && moved !== before) await link(aside, file).catch(() => undefined);
    await rm(aside, { force: true });
  }
}

async function settle(file: string, own: string): Promise<void> {
  await new Promise((done) => setTimeout(done, settleMs));
  const now = await readText(file);
  if (now === own) return;
  const holder = parse(now);
  throw holder === null ? new Error(`lost the lock ${file}: start again`) : occupied(holder);
}

function occupied(holder: ProcessIdentity): LabError {
  return new LabError(
    'conflict',
    `labkeeper runs already on this data folder (process ${holder.pid}): use that one, end it with \`kill ${holder.pid}\`, or choose another folder with --data`,
  );
}

function parse(text: string | null): ProcessIdentity | null {
  if (text === null) return null;
  try {
    return JSON.parse(text) as ProcessIdentity;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

async function readText(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    return null;
  });
}
