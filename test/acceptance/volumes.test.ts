import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppSpecInput } from '../../src/model/app-spec.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { echoApp, visitPage } from './echo-app.ts';
import { patienceMs, untilStatus, whoIs } from './lab-view.ts';

const MiB = 1024 * 1024;
const present = requirePart('temporal') && requirePart('postgres');

describe.runIf(present)('a volume', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ LABKEEPER_VOLUME_MEASURE_MS: '200' });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  const keeper = (volume: string, changes: Parameters<typeof echoApp>[0] = {}): AppSpecInput => {
    const app = echoApp(changes);
    return {
      ...app,
      command: [...(app.command ?? []), `{volume:${volume}}`],
      volumes: [{ volume }],
    };
  };
  const keep = async (app: string, query = '') => {
    const answer = await fetch(lab.appUrl(app, `/keep${query}`));
    const text = await answer.text();
    expect(answer.status, text).toBe(200);
    return JSON.parse(text) as string[];
  };
  const over = async ({ id }: { id: string }) => lab.client.operations.wait(id);
  const untilVolume = (name: string, status: string) =>
    eventually(
      async () => {
        const volume = await lab.client.volumes.show(name);
        expect(volume.status, volume.explanation).toBe(status);
        return volume;
      },
      { deadlineMs: patienceMs },
    );

  it('keeps what is in it over sleep, replacement and removal of its app, until it is removed on purpose', async () => {
    await lab.client.apps.register('diary', keeper('pages'));
    expect(await keep('diary', '?name=monday&bytes=10')).toEqual(['monday']);
    await over(await lab.client.apps.stop('diary'));
    expect(await keep('diary', '?name=tuesday&bytes=10')).toEqual(['monday', 'tuesday']);
    await lab.client.apps.register('diary', keeper('pages', { environment: { EDITION: '2' } }));
    await untilStatus(lab, 'diary', 'ready');
    expect(await keep('diary')).toEqual(['monday', 'tuesday']);

    await lab.client.apps.register('reader', keeper('pages'));
    expect(await keep('reader', '?name=note&bytes=1')).toEqual(['monday', 'note', 'tuesday']);
    await expect(lab.client.volumes.remove('pages')).rejects.toMatchObject({
      status: 409,
      message: expect.stringContaining('app/diary, app/reader name it'),
    });
    await over(await lab.client.apps.remove('diary'));
    expect(await keep('reader')).toEqual(['monday', 'note', 'tuesday']);
    await over(await lab.client.apps.remove('reader'));

    const chunks: Uint8Array[] = [];
    for await (const chunk of lab.client.volumes.archive('pages')) chunks.push(chunk);
    const listed = spawnSync('tar', ['-t'], { input: Buffer.concat(chunks), encoding: 'utf8' });
    expect(listed.stdout.trim().split('\n').sort()).toEqual(
      ['pages/', 'pages/monday', 'pages/note', 'pages/tuesday'].sort(),
    );
    const folder = join(lab.folder, 'volumes', 'pages');
    expect(existsSync(join(folder, 'note'))).toBe(true);
    expect(await over(await lab.client.volumes.remove('pages'))).toMatchObject({
      state: 'succeeded',
    });
    expect(existsSync(folder)).toBe(false);
    expect(await lab.client.volumes.find('pages')).toBeNull();
  });

  it('that is full lets run what runs, starts nothing anew and says why, until there is room', async () => {
    await lab.client.volumes.put('tank', { maxBytes: MiB });
    await lab.client.apps.register('fills', keeper('tank'));
    await lab.client.apps.register('waits', keeper('tank', { apiHoldMs: 2_000 }));
    const pid = await whoIs(lab, 'fills');
    await keep('fills', `?name=water&bytes=${2 * MiB}`);
    const full = await untilVolume('tank', 'full');
    expect(full.apps).toEqual(['fills', 'waits']);

    const refused = await over(await lab.client.apps.start('waits'));
    expect(refused).toMatchObject({
      state: 'failed',
      detail: expect.stringMatching(/volume tank is full: 2\.0 MiB of 1\.0 MiB used/),
    });
    // A visit tries again; the page that its visitor gets goes on to say what came of that.
    await visitPage(lab.appUrl('waits'));
    const waitingPage = lab.appUrl('waits', '/.labkeeper/wait?to=%2Fapp%2Fwaits%2F');
    await eventually(async () => {
      expect((await visitPage(waitingPage)).body).toContain('volume tank is full');
    });
    expect(await whoIs(lab, 'fills')).toBe(pid);
    await keep('fills', '?name=more&bytes=10');
    const events = await lab.client.volumes.events('tank');
    expect(events.items.map(({ what }) => what)).toContain('full');

    await keep('fills', '?name=water&bytes=0');
    await untilVolume('tank', 'ok');
    expect(await keep('waits')).toEqual(['more', 'water']);
  });
});
