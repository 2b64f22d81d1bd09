import { beforeAll, expect, it } from 'vitest';
import { eventually } from '../../../beds/eventually.ts';
import { navigation, newId, patienceMs, type QulabsWorld } from '../bed.ts';

/** One lab for all of these: registered, and put to sleep or woken as each needs it. */
export function visiting(world: () => QulabsWorld): void {
  const id = newId();
  const ready = async () => {
    const { own, image } = world();
    const docker_image = await image('lab/visited:latest');
    const answer = await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    expect(answer.status, answer.text).toBe(200);
  };
  beforeAll(ready, patienceMs);
  const asleep = async () => {
    const { own, lab, appOf } = world();
    await lab.client.apps.stop((await appOf(id)).app.name);
    await own.until(id, 'stopped');
  };
  const starts = async () => (await world().appOf(id)).app.condition.generation;

  it('S1 sends on to a ready app by path only', async () => {
    const { own, onConsole } = world();
    for (const way of [own, onConsole]) {
      for (const path of [`/app/${id}`, `/lab/${id}`]) {
        const answer = await way.ask(path, { headers: { host: 'lab.example:9000' } });
        expect([answer.status, answer.headers.location, answer.headers['cache-control']]).toEqual([
          ...[307, `${way.mount}/${id}/`, 'no-store'],
        ]);
      }
    }
  });

  it('S2 starts it once for any number of visitors, who get the loading page', async () => {
    await asleep();
    const before = await starts();
    const { own, containersOf } = world();
    const accepts = ['text/html', '*/*', undefined, 'text/html', '*/*'];
    const answers = await Promise.all(
      accepts.map((accept) => own.ask(`/app/${id}`, { headers: accept ? { accept } : {} })),
    );
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toMatch(/^text\/html/);
      expect(answer.text).toContain(`../status/${id}`);
    }
    await own.until(id, 'running');
    expect(await starts()).toBe(before + 1);
    expect(await containersOf(id)).toHaveLength(1);
  });

  it('S2, R9 say why nothing starts while its space has no place for one more, and name no other', async () => {
    await asleep();
    const { own, lab, image, appOf } = world();
    const by = { actor: 'test' };
    // While it stops it still has its place.
    await eventually(async () => expect((await appOf(id)).app.condition.phase).toBe('none'));
    await lab.store.spaces.put('default', { maxAwakeApps: 0 }, by);
    try {
      const why = 'may have no app awake';
      const page = await own.ask(`/app/${id}`, { headers: navigation });
      expect(page.status).toBe(200);
      expect(page.text).toContain(why);
      expect(page.text).toContain('Start it again');
      const program = await own.ask(`/app/${id}`, { headers: { accept: 'application/json' } });
      expect([program.status, program.json()['detail']]).toEqual([
        429,
        expect.stringContaining(why),
      ]);
      const other = newId();
      const docker_image = await image('lab/visited:latest');
      const registered = await own.post('/register_app', {
        ...{ lab_id: other, docker_image, port: 8506 },
      });
      expect([registered.status, registered.json()['detail']]).toEqual([
        500,
        expect.stringMatching(new RegExp(`^App ${other} failed to start: .*${why}`)),
      ]);
      await own.ask(`/apps/${other}`, { method: 'DELETE' });
    } finally {
      await lab.store.spaces.put('default', { maxAwakeApps: null }, by);
    }
    await own.ask(`/app/${id}`);
    await own.until(id, 'running');
  });

  it('S2 tells programs that it starts', async () => {
    await asleep();
    const { own } = world();
    const answer = await own.ask(`/app/${id}`, { headers: { accept: 'application/json' } });
    expect([answer.status, answer.json()]).toEqual([
      202,
      { running_status: 'starting', url: `${own.base}/${id}/` },
    ]);
    await own.until(id, 'running');
  });

  it('S2 a page’s own fetch of the entry starts it, its image does not', async () => {
    await asleep();
    const before = await starts();
    const { own } = world();
    const headers = { accept: 'image/*', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
    await own.ask(`/app/${id}`, { headers });
    expect((await own.ask(`/status/${id}`)).json()['running_status']).toBe('stopped');
    await own.ask(`/app/${id}`, {
      headers: { accept: 'application/json', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
    });
    await own.until(id, 'running');
    expect(await starts()).toBe(before + 1);
  });

  it('C7, S8 neither HEAD nor prefetch nor a monitor nor a status poll starts it', async () => {
    await asleep();
    const before = await starts();
    const { own } = world();
    const head = await own.ask(`/app/${id}`, { method: 'HEAD' });
    expect([head.status, head.text]).toEqual([200, '']);
    await own.ask(`/app/${id}`, {
      headers: { ...navigation, 'sec-purpose': 'prefetch;prerender' },
    });
    await own.ask(`/app/${id}`, { headers: { accept: 'text/html', 'user-agent': 'UptimeRobot' } });
    await own.ask(`/loading/${id}`, { method: 'HEAD' });
    for (let poll = 0; poll < 5; poll += 1) {
      const { running_status } = (await own.ask(`/status/${id}`)).json();
      expect(running_status).toBe('stopped');
    }
    expect(await starts()).toBe(before);
  });

  it('S4 is ready by the answer of the app, wherever its health is', async () => {
    const { own, image, appOf } = world();
    for (const [kind, prefixMode] of [
      ['streamlit', 'keep'],
      ['root', 'strip'],
      ['other', 'keep'],
    ] as const) {
      const other = newId();
      const docker_image = await image(`lab/s4:${kind}`, [`ENV LAB_KIND=${kind}`]);
      const body = { lab_id: other, docker_image, port: 8506 };
      expect((await own.post('/register_app', body)).status, kind).toBe(200);
      expect((await appOf(other)).app.learned, kind).toMatchObject({ prefixMode });
      await own.ask(`/apps/${other}`, { method: 'DELETE' });
    }
  });

  it('S5 knows nothing of an unknown id, and shows people a page', async () => {
    const { own } = world();
    const unknown = newId();
    for (const accept of ['application/json', '*/*']) {
      const answer = await own.ask(`/app/${unknown}`, { headers: { accept } });
      expect([answer.status, answer.json()]).toEqual([404, { detail: 'App not found in DB' }]);
    }
    const page = await own.ask(`/lab/${unknown}`, { headers: navigation });
    expect([page.status, page.text]).toEqual([404, expect.stringContaining('Lab not found')]);
    expect((await own.ask(`/loading/${unknown}`, { headers: navigation })).status).toBe(404);
  });

  it('S7 the loading page wakes too', async () => {
    await asleep();
    const { own } = world();
    const page = await own.ask(`/loading/${id}`);
    expect([page.status, page.headers['content-type']]).toEqual([
      200,
      expect.stringMatching(/^text\/html/),
    ]);
    await own.until(id, 'running');
  });

  it('S9 a status has two keys that old clients know, and more', async () => {
    const { own } = world();
    await own.until(id, 'running');
    expect((await own.ask(`/status/${id}`)).json()).toEqual({
      running_status: 'running',
      url: `${own.base}/${id}/`,
      status: 'running',
      phase: 'ready',
      ready_at: expect.stringMatching(/Z$/),
    });
  });

  it('S10 is starting while it comes back from a crash, and running only when it answers', async () => {
    const { own, engine, containersOf } = world();
    await own.until(id, 'running');
    const [container] = await containersOf(id);
    await engine.docker.getContainer(container?.Id ?? '').kill();
    await eventually(async () => {
      expect((await own.ask(`/status/${id}`)).json()['running_status']).toBe('starting');
    });
    await own.until(id, 'running');
    expect((await own.ask(`/${id}/x`)).status).toBe(200);
  });

  it('S11 is JSON for everybody, also that there is no such app', async () => {
    const { own } = world();
    const answer = await own.ask(`/status/${newId()}`, { headers: navigation });
    expect([answer.status, answer.json()]).toEqual([404, { detail: 'App not found in memory.' }]);
  });

  it('is gone afterwards', async () => {
    expect((await world().own.ask(`/apps/${id}`, { method: 'DELETE' })).status).toBe(200);
  });
}
