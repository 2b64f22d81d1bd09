import { openPagesInBrowser, type BrowserPagesBed } from './browser-bed.ts';
import { fillJobs, jobLog } from './filled-jobs.ts';
import { fillHistory } from './history-rows.ts';

const space = 'ml101';
const by = { actor: 'olga' };

/**
 * A lab with something on every page, where people log in: `olga` runs it, `ivo` is instructor and `uma` user of
 * the space `ml101`, `nina` is nobody's member. Lists are as long as a page of them gets.
 */
export async function openFilledPages(): Promise<BrowserPagesBed> {
  const log = new TextEncoder().encode('listening on 127.0.0.1:40123\nGET / 200\n'.repeat(40));
  const bed = await openPagesInBrowser({
    settings: { authentication: 'required' },
    logReader: {
      read: async (_host, instance, { fromByte = 0 }) => {
        const whole = instance.startsWith('job-') ? jobLog : log;
        const bytes = whole.slice(fromByte);
        return { fromByte, nextByte: whole.length, bytes, complete: false };
      },
      usage: async () => ({
        memoryBytes: 61 * 1024 * 1024,
        memoryLimitBytes: 128 * 1024 * 1024,
        cpus: 0.04,
        pids: 11,
      }),
    },
  });
  await fillPeople(bed);
  await fillApps(bed);
  await fillKept(bed);
  await fillJobs(bed.store, space);
  return bed;
}

async function fillPeople(bed: BrowserPagesBed): Promise<void> {
  await bed.store.spaces.put(space, { title: 'Machine learning 101', maxApps: 80 }, by);
  await bed.store.people.put('olga', { title: 'Olga Operator', operator: true }, by);
  await bed.store.people.put('ivo', { title: 'Ivo Instructor' }, by);
  await bed.store.people.put('uma@uni.example', { title: 'Uma User' }, by);
  await bed.store.people.put('nina', {}, by);
  await bed.store.spaces.setRole(space, 'ivo', 'admin', by);
  await bed.store.spaces.setRole(space, 'uma@uni.example', 'user', by);
  for (let count = 10; count < 70; count += 1) {
    const student = `student-${count}@uni.example`;
    await bed.store.people.put(student, { title: `Student Number ${count}` }, by);
    await bed.store.spaces.setRole(space, student, 'user', by);
  }
  for (let count = 1; count <= 3; count += 1) {
    await bed.store.tokens.add(
      {
        id: `00000000000${count}`,
        digest: Buffer.alloc(32, count),
        person: 'olga',
        label: `nightly build ${count}`,
        lastsMs: 86_400_000 * count,
      },
      by,
    );
  }
  await bed.store.tokens.revoke('000000000001', by);
}

async function fillApps(bed: BrowserPagesBed): Promise<void> {
  await bed.register('board', {
    space,
    title: 'Shared drawing board',
    description: 'Draw together in the browser. It sleeps two minutes after the last stroke.',
  });
  await bed.reach('board', 'ready', { sleepsInMs: 90_000 });
  await fillHistory(bed.databaseUrl, 'board');
  await bed.register('report', { space, title: 'Sales report' });
  await bed.register('spectrum-analysis-of-the-large-telescope', {
    space,
    image: 'lab/fft:3',
    port: 80,
  });
  await bed.reach('spectrum-analysis-of-the-large-telescope', 'starting', {
    detail: 'waiting for its health check',
  });
  await bed.register('broken', { space, title: 'Broken thing' });
  await bed.reach('broken', 'failed', {
    detail: 'exited with code 3; gave up after 5 restarts',
    exit: { exitCode: 3, signal: null, outOfMemory: false },
    lastLogLines: ['Traceback (most recent call last):', 'KeyError: "no such table"'],
  });
  for (let count = 10; count < 70; count += 1)
    await bed.register(`practice-${count}`, { space, description: 'To try things out.' });
}

/** Volumes, secrets and links: as long as a page of them gets. */
async function fillKept(bed: BrowserPagesBed): Promise<void> {
  const sealer = bed.deps.sealer;
  if (sealer === null) throw new Error('this bed keeps secrets');
  for (let count = 10; count < 65; count += 1) {
    const key = { space, kind: 'value', name: `service-token-${count}` } as const;
    const sealed = await sealer.seal('not shown', key);
    await bed.store.secrets.set({ ...key, sealed, actor: 'ivo', limit: 100 });
  }
  const registry = { space, kind: 'registry', name: 'registry.example:5000' } as const;
  const sealed = await sealer.seal('{}', registry);
  await bed.store.secrets.set({ ...registry, sealed, actor: 'olga', limit: 100 });
  await bed.register('notebook', {
    space,
    image: 'registry.example:5000/lab/notebook:1',
    port: 80,
    secrets: { TOKEN: 'service-token-10' },
    volumes: [{ volume: 'measurements', path: '/data' }],
  });
  await bed.store.volumes.settle(['measurements'], 'local', 'notebook');
  await bed.store.volumes.measured('measurements', 'local', {
    measure: { sizeBytes: 9.5 * 1024 ** 3, fileCount: 3400, whole: true },
    hindrance: null,
    nextInMs: 60_000,
  });
  for (let count = 10; count < 65; count += 1) {
    await bed.store.volumes.put({
      name: `results-${count}`,
      space,
      title: `Results of week ${count}`,
      maxBytes: null,
      actor: 'ivo',
    });
  }
  const expiresAt = new Date(Date.now() + 86_400_000);
  for (const label of ['reviewers', 'open day', 'the printer in the hall']) {
    const id = Buffer.from(label).toString('hex').slice(0, 12);
    await bed.store.links.add({ id, app: 'board', label, expiresAt }, { actor: 'ivo' });
  }
  await bed.store.links.revoke('board', Buffer.from('open d').toString('hex'), { actor: 'ivo' });
}
