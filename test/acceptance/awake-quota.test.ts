import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { echoApp, visitPage } from './echo-app.ts';
import { instancesOf, patienceMs, untilStatus, whoIs } from './lab-view.ts';

const present = requirePart('temporal') && requirePart('postgres');

describe.runIf(present)('a space that may have one app awake', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
    await lab.store.spaces.put('default', { maxAwakeApps: 1 }, { actor: 'root' });
    for (const name of ['first', 'second']) await lab.client.apps.register(name, echoApp());
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  it('wakes one of two that are opened at once; the other waits, and is served when it sleeps', async () => {
    const calls = await Promise.all(
      ['first', 'second'].map(async (name) => {
        const answer = await fetch(lab.appUrl(name, '/who'));
        await answer.body?.cancel();
        return { name, status: answer.status };
      }),
    );
    expect(calls.map(({ status }) => status).toSorted((one, two) => one - two)).toEqual([200, 429]);
    const awake = calls.find(({ status }) => status === 200)?.name ?? '';
    const waiting = calls.find(({ status }) => status === 429)?.name ?? '';
    const page = await visitPage(lab.appUrl(waiting));
    expect(page.body).toContain('Waiting for a place');
    expect(page.body).toContain('the space Default has an app awake, all it may have');
    await lab.client.apps.stop(awake);
    await eventually(
      async () => expect((await visitPage(lab.appUrl(waiting))).body).toContain('echo /'),
      { deadlineMs: patienceMs },
    );
    expect(await instancesOf(lab, awake)).toEqual([]);
    await lab.client.apps.stop(waiting);
    await untilStatus(lab, waiting, 'asleep');
  });

  it('holds it through kills of every process, restarts what is awake, and leaks no place', async () => {
    const pid = await whoIs(lab, 'first');
    await Promise.all([lab.api.kill9(), lab.worker.kill9(), lab.gateway.kill9()]);
    await Promise.all([lab.api.start(), lab.worker.start(), lab.gateway.start()]);
    expect(await whoIs(lab, 'first')).toBe(pid);
    await expect(lab.client.apps.start('second')).rejects.toMatchObject({
      type: 'quota_exceeded',
      status: 429,
    });
    process.kill(pid, 'SIGKILL');
    await eventually(async () => expect(await whoIs(lab, 'first')).not.toBe(pid), {
      deadlineMs: patienceMs,
    });
    const restart = await lab.client.apps.restart('first');
    expect((await lab.client.operations.wait(restart.id)).state).toBe('succeeded');
    await lab.worker.kill9();
    await lab.client.apps.stop('first');
    await lab.worker.start();
    await untilStatus(lab, 'first', 'asleep');
    await whoIs(lab, 'second');
    expect((await lab.store.spaces.find('default'))?.awakeApps).toBe(1);
  });
});
