import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { echoApp } from './echo-app.ts';
import { timelineOf, untilStatus } from './lab-view.ts';

const present = requirePart('temporal') && requirePart('postgres');

describe.runIf(present)('secrets on the whole product', () => {
  let lab: Lab;
  let hostSecrets: string;
  beforeAll(async () => {
    hostSecrets = await mkdtemp(join(tmpdir(), 'labkeeper-host-secrets-'));
    lab = await startLab({
      LABKEEPER_SECRETS_DIR: hostSecrets,
      LABKEEPER_SECRET_FROM_VARIABLE: 'variable',
    });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await rm(hostSecrets, { recursive: true, force: true });
  }, 60_000);

  const digestOf = (value: string) => createHash('sha256').update(value).digest('hex');
  /** What the app has in a variable; a visit, so it wakes. */
  const digestIn = async (name: string, variable = 'TOKEN') => {
    const answer = await fetch(lab.appUrl(name, `/digest?variable=${variable}`));
    expect(answer.status).toBe(200);
    return answer.text();
  };

  it('fails an app whose secret is missing once, and starts it when it is set', async () => {
    await lab.client.apps.register('awaiting', echoApp({ secrets: { TOKEN: 'late-token' } }));
    await lab.client.apps.start('awaiting');
    const { explanation, condition } = await untilStatus(lab, 'awaiting', 'failed');
    expect(explanation).toContain(
      `the secret late-token (for TOKEN) is missing: it was looked for in the secrets of the space default, in the file ${hostSecrets}/late-token of host local and in the variable LABKEEPER_SECRET_LATE_TOKEN of the worker on local. Set it with \`labkeeper secrets set late-token\``,
    );
    expect(condition).toMatchObject({ generation: 1, exit: null });
    const visit = await fetch(lab.appUrl('awaiting', '/who'));
    expect(visit.status).toBe(503);
    expect(await visit.text()).toContain('the secret late-token (for TOKEN) is missing');
    await untilStatus(lab, 'awaiting', 'failed');
    const failures = (await timelineOf(lab, 'awaiting')).filter((what) => what === 'start failed');
    // One for the start, one for the visit: nothing tries by itself.
    expect(failures.length).toBeLessThanOrEqual(2);
    await lab.client.secrets.set('late-token', 'at last');
    await untilStatus(lab, 'awaiting', 'ready');
    expect(await digestIn('awaiting')).toBe(digestOf('at last'));
  });

  it('starts an app with the next visit once the file of its host is there', async () => {
    await lab.client.apps.register('filed', echoApp({ secrets: { TOKEN: 'file-token' } }));
    expect((await fetch(lab.appUrl('filed', '/who'))).status).toBe(503);
    await untilStatus(lab, 'filed', 'failed');
    await writeFile(join(hostSecrets, 'file-token'), 'from a file\n');
    expect(await digestIn('filed')).toBe(digestOf('from a file'));
    const [used] = await lab.client.apps.secrets('filed');
    expect(used).toMatchObject({ running: { source: 'file', version: null }, outdated: false });
  });

  it('takes a variable of the worker where there is neither row nor file', async () => {
    await lab.client.apps.register('varied', echoApp({ secrets: { TOKEN: 'from-variable' } }));
    expect(await digestIn('varied')).toBe(digestOf('variable'));
  });

  it('gives a changed secret to the next start, and tells meanwhile that an older one runs', async () => {
    await lab.client.secrets.set('changing', 'one');
    await lab.client.apps.register('changer', echoApp({ secrets: { TOKEN: 'changing' } }));
    expect(await digestIn('changer')).toBe(digestOf('one'));
    await lab.client.secrets.set('changing', 'two');
    expect(await digestIn('changer')).toBe(digestOf('one'));
    expect(await lab.client.apps.secrets('changer')).toEqual([
      {
        variable: 'TOKEN',
        name: 'changing',
        version: 2,
        running: { version: 1, source: 'store' },
        outdated: true,
      },
    ]);
    const page = await (await fetch(`${lab.consoleUrl}/manage/app/changer`)).text();
    expect(page).toContain('runs with version 1, and 2 is set');
    await lab.client.apps.restart('changer');
    await eventually(async () => expect(await digestIn('changer')).toBe(digestOf('two')));
    expect(await lab.client.apps.secrets('changer')).toMatchObject([
      { version: 2, running: { version: 2 }, outdated: false },
    ]);
  });

  it('never gives an app a secret of another space', async () => {
    await lab.store.spaces.put('ml101', {}, { actor: 'test' });
    await lab.client.secrets.set('private', 'of the default space');
    await mkdir(join(hostSecrets, 'ml101'));
    const spec = echoApp({ secrets: { TOKEN: 'private' }, space: 'ml101' });
    await lab.client.apps.register('outsider', spec);
    await lab.client.apps.start('outsider');
    const { explanation } = await untilStatus(lab, 'outsider', 'failed');
    expect(explanation).toContain('looked for in the secrets of the space ml101');
    await lab.client.secrets.set('private', 'of ml101', { space: 'ml101' });
    await untilStatus(lab, 'outsider', 'ready');
    expect(await digestIn('outsider')).toBe(digestOf('of ml101'));
  });

  it('goes on without a running instance losing anything when a secret is removed under it', async () => {
    await lab.client.secrets.set('leaving', 'x');
    await lab.client.apps.register('holder', echoApp({ secrets: { TOKEN: 'leaving' } }));
    await digestIn('holder');
    await expect(lab.client.secrets.remove('leaving')).rejects.toMatchObject({ status: 409 });
    const rows = { space: 'default', kind: 'value', name: 'leaving' } as const;
    await lab.client.apps.register('holder', echoApp());
    await lab.client.secrets.remove('leaving');
    expect(await lab.store.secrets.find(rows)).toBeNull();
    await untilStatus(lab, 'holder', 'ready');
  });
});
