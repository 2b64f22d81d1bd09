import { expect, it } from 'vitest';
import { eventually } from '../../../beds/eventually.ts';
import { startRegistry } from '../../../beds/registry.ts';
import { newId, type QulabsWorld } from '../bed.ts';

export function registering(world: () => QulabsWorld): void {
  const whole = { lab_id: 'x', docker_image: 'x:1', port: 8506 };

  it.each([
    [{}],
    [{ ...whole, lab_id: undefined }],
    [{ ...whole, docker_image: '' }],
    [{ ...whole, docker_image: null }],
    [{ ...whole, port: 0 }],
  ])('R1 misses a field in %j', async (body) => {
    const answer = await world().own.post('/register_app', body);
    expect([answer.status, answer.json()]).toEqual([400, { detail: 'Missing required fields' }]);
  });

  it.each([
    ['lab_id', 7],
    ['docker_image', 'UPPER case'],
    ['docker_image', 'x; rm -rf /'],
    ['docker_image', 7],
    ['port', '0x50'],
    ['port', '8506\nlisten'],
    ['port', 65_536],
    ['port', 80.5],
    ['container_port', 'web'],
  ])('R2 refuses the %s %j before anything is written', async (field, value) => {
    const { own, lab } = world();
    const id = newId();
    const body = { ...whole, lab_id: id, [field]: value };
    const answer = await own.post('/register_app', body);
    expect([answer.status, answer.json()]).toEqual([400, { detail: `Invalid ${field}` }]);
    expect(await lab.store.foreignIds.find('qulabs', id)).toBeNull();
  });

  it('R3 lists what is registered from the beginning, as starting', async () => {
    const { own } = world();
    const id = newId();
    const pending = own.post('/register_app', {
      lab_id: id,
      docker_image: 'lab/r3-not-there:1',
      port: '8506',
    });
    await eventually(async () => {
      const list = (await own.ask('/apps')).json() as unknown as {
        lab_id: string;
        running_status: string;
      }[];
      expect(list.find(({ lab_id }) => lab_id === id)).toMatchObject({
        ...{ docker_image: 'lab/r3-not-there:1', port: 8506, running_status: 'starting' },
      });
    });
    await pending;
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('R4 waits for a tag that is still being pushed, and says when there is none', async () => {
    const { own, engine, image } = world();
    const registry = await startRegistry();
    try {
      const made = await image('lab/r4:latest');
      const id = newId();
      const docker_image = `${registry.host}/lab/r4`;
      const missing = await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
      expect([missing.status, missing.json()]).toEqual([400, { detail: 'Docker image not found' }]);
      expect((await own.ask(`/status/${id}`)).json()).toMatchObject({ running_status: 'stopped' });
      const waited = own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
      await registry.push(engine.docker, made, 'lab/r4', 'latest');
      expect((await waited).status).toBe(200);
      await own.ask(`/apps/${id}`, { method: 'DELETE' });
    } finally {
      await registry.stop();
    }
  });

  it('R5, R6 replaces the old container when the tag has moved, and only then', async () => {
    const { own, engine, image, containersOf } = world();
    const registry = await startRegistry();
    try {
      const [one, two] = [
        await image('lab/r5:one', ['ENV LAB_VERSION=one']),
        await image('lab/r5:two', ['ENV LAB_VERSION=two']),
      ];
      const docker_image = await registry.push(engine.docker, one, 'lab/r5', 'v');
      const id = newId();
      const register = () => own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
      const version = async () => (await own.ask(`/${id}/x`)).json()['version'];
      expect((await register()).status).toBe(200);
      const [first] = await containersOf(id);
      expect(await version()).toBe('one');
      expect((await register()).status).toBe(200);
      expect((await containersOf(id)).map(({ Id }) => Id)).toEqual([first?.Id]);
      // Somebody else pushes: the copy of this engine is an old one now.
      await registry.push(engine.docker, two, 'lab/r5', 'v');
      await engine.docker.getImage(one).tag({ repo: docker_image.replace(/:v$/, ''), tag: 'v' });
      expect((await register()).status).toBe(200);
      expect(await version()).toBe('two');
      const after = await containersOf(id);
      expect(after).toHaveLength(1);
      expect(after[0]?.Id).not.toBe(first?.Id);
      await own.ask(`/apps/${id}`, { method: 'DELETE' });
    } finally {
      await registry.stop();
    }
  });

  it('R7 removes the container that the original left under the id', async () => {
    const { own, engine, image } = world();
    const docker_image = await image('lab/r7:latest');
    const id = newId();
    const left = await engine.docker.createContainer({ name: id, Image: docker_image });
    await left.start();
    const answer = await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    expect(answer.status).toBe(200);
    await expect(left.inspect()).rejects.toMatchObject({ statusCode: 404 });
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('R8 answers only when the app answers', async () => {
    const { own, image } = world();
    const docker_image = await image('lab/r8:latest', ['ENV LAB_DELAY_MS=1500']);
    const id = newId();
    expect((await own.post('/register_app', { lab_id: id, docker_image, port: 1 })).status).toBe(
      200,
    );
    expect((await own.ask(`/${id}/x`)).json()).toMatchObject({ path: `/${id}/x` });
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('R9 says why an app does not start, keeps it, and lets a visit try again', async () => {
    const { own, image } = world();
    const docker_image = await image('lab/r9:latest', ['CMD []']);
    const id = newId();
    const answer = await own.post('/register_lab', { lab_id: id, docker_image, port: 8506 });
    expect(answer.status).toBe(500);
    const { detail } = answer.json() as unknown as { detail: string };
    expect(detail).toMatch(new RegExp(`^Lab ${id} failed to start: .*No command specified`));
    const status = (await own.ask(`/status/${id}`)).json();
    expect(status).toMatchObject({ running_status: 'stopped', status: 'stopped' });
    expect(status['error']).toContain('No command specified');
    expect((await own.ask('/apps')).text).toContain(id);
    await image('lab/r9:latest');
    expect((await own.ask(`/app/${id}`)).status).toBe(200);
    await own.until(id, 'running');
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('R9 fails as soon as it is known that a command does not exist', async () => {
    const { own, image, appOf } = world();
    const docker_image = await image('lab/r9-no-command:latest', ['CMD ["no-such-command"]']);
    const id = newId();
    const answer = await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    expect(answer.status).toBe(500);
    const { detail } = answer.json() as unknown as { detail: string };
    expect(detail).toContain('no-such-command');
    // The first instance told it: no other was tried.
    expect((await appOf(id)).app.condition).toMatchObject({ phase: 'failed', generation: 1 });
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('R10 finishes although the caller leaves and every process of ours dies', async () => {
    const { own, lab, image } = world();
    const docker_image = await image('lab/r10:latest', ['ENV LAB_DELAY_MS=1500']);
    const id = newId();
    const left = new AbortController();
    const url = `${own.base}/register_app`;
    const body = JSON.stringify({ lab_id: id, docker_image, port: 8506 });
    const abandoned = fetch(url, { method: 'POST', body, signal: left.signal }).catch(() => null);
    await eventually(async () => {
      expect(await lab.store.foreignIds.find('qulabs', id)).not.toBeNull();
    });
    left.abort();
    await abandoned;
    await Promise.all([lab.api.kill9(), lab.worker.kill9()]);
    await Promise.all([lab.api.start(), lab.worker.start()]);
    await own.until(id, 'running');
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('R10 lets repeats join the registration in progress', async () => {
    const { own, image, containersOf, appOf } = world();
    const docker_image = await image('lab/r10:latest', ['ENV LAB_DELAY_MS=1500']);
    const id = newId();
    const body = { lab_id: id, docker_image, port: '8506' };
    const answers = await Promise.all(
      ['/register_app', '/register_app', '/register_lab'].map((path) => own.post(path, body)),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers[2]?.json()['message']).toMatch(/^Lab /);
    expect(await containersOf(id)).toHaveLength(1);
    expect((await appOf(id)).app.condition.generation).toBe(1);
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('R12 counts the registration as use: a new app stays up for one idle period', async () => {
    const { own, image, appOf } = world();
    const docker_image = await image('lab/r12:latest');
    const id = newId();
    const beforeMs = Date.now();
    await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    const { sleepsAt } = (await appOf(id)).app.condition;
    expect(Date.parse(sleepsAt ?? '')).toBeGreaterThanOrEqual(beforeMs + 24 * 3_600_000);
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it.each([
    ['container_port wins', ['ENV LAB_PORT=7000', 'EXPOSE 8506'], { container_port: '7000' }, 7000],
    ['EXPOSE names the port', ['ENV LAB_PORT=8506', 'EXPOSE 8506', 'EXPOSE 8501'], {}, 8506],
    ['EXPOSE names 8501', ['ENV LAB_PORT=8501', 'EXPOSE 8501', 'EXPOSE 9000'], {}, 8501],
    ['EXPOSE names one other', ['ENV LAB_PORT=9000', 'EXPOSE 9000'], {}, 9000],
    ['nothing is named: the one that answers, here 8501', ['ENV LAB_PORT=8501'], {}, 8501],
    ['nothing is named: the one that answers, here the port', ['ENV LAB_PORT=8506'], {}, 8506],
  ] as const)('R13 finds the port: %s', async (_title, lines, more, expected) => {
    const { own, image, appOf } = world();
    const docker_image = await image(`lab/r13:${newId()}`, lines);
    const id = newId();
    const body = { lab_id: id, docker_image, port: 8506, ...more };
    const answer = await own.post('/register_app', body);
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining(id)]);
    expect((await appOf(id)).app.learned).toMatchObject({ port: expected });
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('R14 lets two apps have one port, which is a recorded number', async () => {
    const { own, image } = world();
    const docker_image = await image('lab/r14:latest');
    const ids = [newId(), newId()];
    const answers = await Promise.all(
      ids.map((lab_id) => own.post('/register_app', { lab_id, docker_image, port: 8506 })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    for (const id of ids) await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('keeps what an operator set beside, when it is registered again', async () => {
    const { own, lab, image, appOf } = world();
    const docker_image = await image('lab/again:latest');
    const id = newId();
    const body = { lab_id: id, docker_image, port: 8506 };
    await own.post('/register_app', body);
    const { name, spec } = (await appOf(id)).app;
    await lab.client.apps.register(name, { ...spec, environment: { COURSE: 'ml' } });
    expect((await own.post('/register_app', { ...body, port: 8507 })).status).toBe(200);
    const { app, record } = await appOf(id);
    expect(app.spec).toMatchObject({ environment: { COURSE: 'ml' }, port: 8507 });
    expect(record).toEqual({ docker_image, port: 8507 });
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });
}
