import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appSecrets, type SecretSources } from '../../src/activities/app-secrets.ts';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import { keyFileSealer } from '../../src/store/key-file/sealer.ts';
import type { SecretKey } from '../../src/store/secret-ports.ts';
import { temporaryKeyFile } from '../beds/key-file.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { registration } from '../store/registration.ts';
import { runSql } from '../store/sql.ts';

describe.runIf(requirePart('postgres'))('secrets of an app on its host', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  let key: Awaited<ReturnType<typeof temporaryKeyFile>>;
  let folder: string;
  let sources: SecretSources;
  beforeAll(async () => {
    [bed, key] = await Promise.all([openTestStore(), temporaryKeyFile()]);
    await runSql(bed.url, "INSERT INTO spaces (name, title) VALUES ('ml101', 'ML')");
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-host-secrets-'));
    sources = {
      sealer: keyFileSealer(key.file),
      folder,
      variables: new Map(),
      maxBytes: 64,
    };
  });
  afterAll(async () => {
    await Promise.all([bed.close(), key.remove(), rm(folder, { recursive: true, force: true })]);
  });

  const keep = async (name: string, text: string, more: Partial<SecretKey> = {}) => {
    const secretKey: SecretKey = { space: 'default', kind: 'value', name, ...more };
    const sealed = await keyFileSealer(key.file).seal(text, secretKey);
    await bed.store.secrets.set({ ...secretKey, sealed, actor: 'ada', limit: 100 });
  };
  const registered = async (name: string, spec: Partial<AppSpecInput>, space = 'default') => {
    const { app } = await bed.store.apps.register(registration(name, { spec, space }));
    return app;
  };
  const environment = async (
    name: string,
    secrets: Record<string, string>,
    more: { space?: string; sources?: Partial<SecretSources> } = {},
  ) => {
    const app = await registered(name, { secrets }, more.space);
    const ports = { store: bed.store, host: 'lab-2', secrets: { ...sources, ...more.sources } };
    return appSecrets(ports).environment(app, `app-${name}-1`);
  };
  const refusal = async (...input: Parameters<typeof environment>) => {
    const error = await environment(...input).catch((thrown: unknown) => thrown as Error);
    expect(error).toMatchObject({ name: 'LabError', type: 'secret_unavailable' });
    return (error as Error).message;
  };

  it('come from the row, else the file, else the variable', async () => {
    for (const name of ['in-row', 'in-file', 'in-variable']) {
      if (name === 'in-row') await keep(name, 'from the row');
      if (name !== 'in-variable') await writeFile(join(folder, name), 'from the file\n');
    }
    const variables = new Map(
      ['IN_ROW', 'IN_FILE', 'IN_VARIABLE'].map((name) => [`LABKEEPER_SECRET_${name}`, 'variable']),
    );
    expect(
      await environment(
        'three',
        { A: 'in-row', B: 'in-file', C: 'in-variable', D: 'in-row' },
        { sources: { variables } },
      ),
    ).toEqual({ A: 'from the row', B: 'from the file', C: 'variable', D: 'from the row' });
  });

  it('of another space are not there, in rows, files and variables alike', async () => {
    await keep('foreign', 'theirs');
    await writeFile(join(folder, 'foreign'), 'theirs');
    const variables = new Map([['LABKEEPER_SECRET_FOREIGN', 'theirs']]);
    const options = { space: 'ml101', sources: { variables } };
    expect(await refusal('outsider', { A: 'foreign' }, options)).toBe(
      `the secret foreign (for A) is missing: it was looked for in the secrets of the space ml101 and in the file ${folder}/ml101/foreign of host lab-2. Set it with \`labkeeper secrets set foreign --space ml101\`, and it starts`,
    );
    await mkdir(join(folder, 'ml101'));
    await writeFile(join(folder, 'ml101', 'foreign'), 'its own');
    expect(await environment('outsider', { A: 'foreign' }, options)).toEqual({ A: 'its own' });
    // The folder of a space is no secret of the default one.
    expect(await refusal('insider', { A: 'ml101' })).toContain('the secret ml101 (for A)');
  });

  it('that are missing are all named, with every place and the remedy', async () => {
    await keep('there', 'x');
    const message = await refusal('lacking', { A: 'gone-1', B: 'there', C: 'gone-2', D: 'gone-1' });
    expect(message).toBe(
      `the secret gone-1 (for A, D) is missing: it was looked for in the secrets of the space default, in the file ${folder}/gone-1 of host lab-2 and in the variable LABKEEPER_SECRET_GONE_1 of the worker on lab-2; the secret gone-2 (for C) is missing: it was looked for in the secrets of the space default, in the file ${folder}/gone-2 of host lab-2 and in the variable LABKEEPER_SECRET_GONE_2 of the worker on lab-2. Set it with \`labkeeper secrets set gone-1\` and \`labkeeper secrets set gone-2\`, and it starts`,
    );
  });

  it('in a file that is too large or no text for a variable are refused', async () => {
    await writeFile(join(folder, 'fits'), `${'x'.repeat(64)}\n`);
    expect(await environment('fitting', { A: 'fits' })).toEqual({ A: 'x'.repeat(64) });
    await writeFile(join(folder, 'large'), 'x'.repeat(65));
    expect(await refusal('large', { A: 'large' })).toContain('larger than 64 bytes');
    await writeFile(join(folder, 'nul'), 'a\0b');
    expect(await refusal('nul', { A: 'nul' })).toContain('NUL');
  });

  it('in a file that cannot be read are refused, not taken for missing', async () => {
    await symlink(join(folder, 'circle'), join(folder, 'circle'));
    expect(await refusal('circle', { A: 'circle' })).toContain('it cannot be read (ELOOP)');
  });

  it('whose row cannot be opened are refused, whatever else there is', async () => {
    await keep('swapped-a', 'a');
    await keep('swapped-b', 'b');
    await runSql(
      bed.url,
      `UPDATE secrets SET sealed = other.sealed FROM secrets AS other
       WHERE secrets.name = 'swapped-a' AND other.name = 'swapped-b'`,
    );
    await writeFile(join(folder, 'swapped-a'), 'from the file');
    expect(await refusal('swapped', { A: 'swapped-a' })).toContain(
      'its row is not what was sealed for swapped-a',
    );
    expect(await refusal('keyless', { A: 'swapped-b' }, { sources: { sealer: null } })).toContain(
      'LABKEEPER_ENCRYPTION_KEY_FILE is not set for its worker',
    );
  });

  it('are waited for while the database is away: that decides nothing', async () => {
    const away = await openTestStore();
    const app = await registered('waiter', { secrets: { A: 'in-row' } });
    await away.close();
    const ports = { store: away.store, host: 'lab-2', secrets: sources };
    const error = await appSecrets(ports)
      .environment(app, 'app-waiter-1')
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toMatchObject({ name: 'LabError' });
  });

  it('for its registry are those of its own space', async () => {
    const text = JSON.stringify({ username: 'lab', password: 'p' });
    await keep('registry.example:5000', text, { kind: 'registry' });
    const credentials = async (name: string, image: string, space?: string) => {
      const app = await registered(name, { image, port: 80 }, space);
      const ports = { store: bed.store, host: 'lab-2', secrets: sources };
      return appSecrets(ports).registryCredentials(app);
    };
    const image = 'registry.example:5000/lab/box:v1';
    expect(await credentials('boxed', image)).toEqual({ username: 'lab', password: 'p' });
    expect(await credentials('foreign-box', image, 'ml101')).toBeNull();
    expect(await credentials('public-box', 'busybox')).toBeNull();
  });
});
