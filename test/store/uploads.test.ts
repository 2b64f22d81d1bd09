import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { addHost, submission } from './job-bed.ts';
import { runSql } from './sql.ts';

const by = { actor: 'ada', why: 'test' };

describe.runIf(requirePart('postgres'))('uploads', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore({ maxUploads: 20 });
    await addHost(bed.store, 'lab-1', { cpus: 100, memoryBytes: 1e12 });
  });
  afterAll(() => bed.close());

  async function sent(id: string, owner = 'ada'): Promise<void> {
    const { uploads } = bed.store;
    await uploads.begin({ id, owner, name: `${id}.csv`, lastsMs: 60_000 });
    await uploads.append(id, 0, Buffer.from('one'));
    await uploads.append(id, 1, Buffer.from('two'));
    await uploads.finish(id, { sizeBytes: 6, sha256: '00ff' });
  }
  const submit = (job: string, ...names: string[]) => {
    const one = submission(job);
    return bed.store.jobs.submit({
      ...one,
      spec: { ...one.spec, inputs: names.map((upload) => ({ upload })) },
    });
  };
  const textOf = async (id: string) => {
    const parts: Uint8Array[] = [];
    for await (const part of bed.store.uploads.read(id)) parts.push(part);
    return Buffer.concat(parts).toString();
  };
  const expire = () =>
    runSql(bed.url, `UPDATE uploads SET expires_at = now() - interval '1 minute'`);

  it('are read in the order in which they came, once they are whole', async () => {
    await sent('whole');
    expect(await textOf('whole')).toBe('onetwo');
    await bed.store.uploads.begin({ id: 'half', owner: 'ada', name: 'half', lastsMs: 60_000 });
    await expect(textOf('half')).rejects.toThrow(/no upload half/);
    await expect(submit('too-soon', 'half')).rejects.toMatchObject({ type: 'invalid' });
    expect(await bed.store.jobs.find('too-soon')).toBe(null);
  });

  it('are for their owner only', async () => {
    await sent('of-eve', 'eve');
    await expect(submit('stolen', 'of-eve')).rejects.toThrow(/inputs\.0\.upload: there is no/);
  });

  it('are so many a person and no more', async () => {
    for (let at = 0; at < 20; at += 1) await sent(`many-${at}`, 'bob');
    await expect(sent('one-more', 'bob')).rejects.toMatchObject({ type: 'quota_exceeded' });
    await sent('of-another', 'carol');
  });

  it('go when they have expired, but not while a job that is not over reads them', async () => {
    await sent('used');
    await submit('reads', 'used');
    await expire();
    await bed.store.uploads.forget(1_000);
    expect(await textOf('used')).toBe('onetwo');
    await expect(textOf('whole')).rejects.toThrow(/no upload whole/);
    await expect(submit('late', 'used')).rejects.toMatchObject({ type: 'invalid' });
    await bed.store.jobs.cancel('reads', by);
    expect(await bed.store.uploads.forget(1_000)).toBe(1);
    expect(await bed.store.uploads.ofJob('reads')).toEqual([]);
  });
});
