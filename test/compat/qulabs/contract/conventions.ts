import { expect, it } from 'vitest';
import { newId, type QulabsWorld } from '../bed.ts';

export function conventions(world: () => QulabsWorld): void {
  it('C1 keeps links to the mount by which it was reached', async () => {
    const { own, onConsole, image } = world();
    const id = newId();
    const docker_image = await image('lab/c1:latest');
    await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    for (const way of [own, onConsole]) {
      expect((await way.ask(`/app/${id}`)).headers.location).toBe(`${way.mount}/${id}/`);
      expect((await way.ask(`/status/${id}`)).json()['url']).toBe(`${way.base}/${id}/`);
    }
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it.each([
    ['POST', '/nowhere'],
    ['GET', '/documentation/x/'],
    ['GET', '/api/v1/apps'],
    ['GET', '/compat/qulabs/apps'],
  ])('C4 answers %s %s, which is nobody’s, with 404 and detail', async (method, path) => {
    const { own } = world();
    const answer = await own.ask(path, { method });
    expect([answer.status, answer.json()]).toEqual([404, { detail: 'Not Found' }]);
  });

  it('C4 tells the right verbs for a wrong one', async () => {
    const { own, onConsole } = world();
    for (const way of [own, onConsole]) {
      const answer = await way.ask('/register_app');
      expect([answer.status, answer.json()]).toEqual([405, { detail: 'Method Not Allowed' }]);
      expect(answer.headers.allow).toBe('POST');
      expect((await way.ask('/apps/x', { method: 'PUT' })).headers.allow).toBe('DELETE');
    }
  });

  it.each([['[1]'], ['"text"'], ['{"lab_id":'], ['']])('C4 refuses the body %s', async (body) => {
    const { own } = world();
    const answer = await own.ask('/register_app', { method: 'POST', body });
    expect(answer.status).toBe(422);
    const [mistake] = (answer.json() as unknown as { detail: Record<string, unknown>[] }).detail;
    expect(Object.keys(mistake ?? {}).sort()).toEqual(['input', 'loc', 'msg', 'type']);
  });

  it('C6 sends a path with a slash too many on, method and body kept', async () => {
    const { own, onConsole } = world();
    for (const way of [own, onConsole]) {
      for (const path of ['/register_app', '/apps', '/labs', '/status/x', '/health-check']) {
        const answer = await way.ask(`${path}/?a=1`, { method: 'POST', body: '{}' });
        expect([answer.status, answer.headers.location], path).toEqual([
          307,
          `${way.mount}${path}?a=1`,
        ]);
      }
    }
  });

  it('C8 takes ids that fit in a path, under a name of their own', async () => {
    const { own, image, appOf } = world();
    const docker_image = await image('lab/c8:latest');
    const id = `Lab_${newId().slice(0, 6)}.v1`;
    const answer = await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    expect([answer.status, answer.text]).toEqual([
      200,
      JSON.stringify({ message: `App ${id} registered and started successfully.` }),
    ]);
    const { app } = await appOf(id);
    expect(app.name).toMatch(/^lab-[0-9a-f]{6}-v1$/);
    expect(app.spec).toMatchObject({ title: id, access: 'everyone', space: 'default' });
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('C8 gives nobody the app of somebody else by its name', async () => {
    const { own, lab, image, appOf } = world();
    await lab.client.apps.register('plot', { command: ['/bin/true'] });
    const docker_image = await image('lab/c8:latest');
    const body = { lab_id: 'plot', docker_image, port: 8506 };
    expect((await own.post('/register_app', body)).status).toBe(200);
    expect((await appOf('plot')).app.name).toMatch(/^plot-[0-9a-f]{8}$/);
    expect((await lab.client.apps.show('plot')).spec.command).toEqual(['/bin/true']);
    await own.ask('/apps/plot', { method: 'DELETE' });
    await lab.client.apps.remove('plot');
  });

  it.each([
    'app',
    'labs',
    'status',
    'documentation',
    'compat',
    '.x',
    '-x',
    'a/b',
    'a b',
    'x'.repeat(129),
  ])('C8, C9 refuses the id %s', async (lab_id) => {
    const { own } = world();
    const answer = await own.post('/register_app', { lab_id, docker_image: 'x:1', port: 1 });
    expect([answer.status, answer.json()]).toEqual([400, { detail: 'Invalid lab_id' }]);
  });

  it('answers health checks, and greets at its root', async () => {
    const { own, onConsole } = world();
    for (const way of [own, onConsole]) {
      expect((await way.ask('/health-check')).json()).toEqual({ status: 'ok' });
      expect((await way.ask('/')).json()).toEqual({ message: 'Hello World' });
    }
  });
}
