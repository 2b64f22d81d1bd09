import { expect, it } from 'vitest';
import { openSocket } from '../../../beds/socket.ts';
import { eventually } from '../../../beds/eventually.ts';
import { newId, type QulabsWorld } from '../bed.ts';

/** The contract's section 11, as far as it needs neither Mongo nor tags that are followed. */
export function acceptance(world: () => QulabsWorld): void {
  it.each([
    ['own', 'App', '/register_app', '/apps', '/app'],
    ['own', 'Lab', '/register_lab', '/labs', '/lab'],
    ['onConsole', 'App', '/register_app', '/apps', '/app'],
    ['onConsole', 'Lab', '/register_lab', '/labs', '/lab'],
  ] as const)('in one pass: %s, %s', async (where, noun, register, list, entry) => {
    const { lab, image, appOf, containersOf, [where]: way } = world();
    const id = newId();
    await image('lab/accepted:latest');
    const body = { lab_id: id, docker_image: 'lab/accepted:latest', port: '8506' };
    const registered = await way.post(register, body);
    expect([registered.status, registered.json()]).toEqual([
      200,
      { message: `${noun} ${id} registered and started successfully.` },
    ]);

    const sent = await way.ask(`${entry}/${id}`);
    expect([sent.status, sent.headers.location]).toEqual([307, `${way.mount}/${id}/`]);
    expect((await way.ask(`/${id}/`)).status).toBe(200);
    const { socket, received } = await openSocket(`${way.base}/${id}/_stcore/stream`);
    socket.send('hello');
    await eventually(() => expect(received).toEqual(['hello']));
    socket.close();

    const { name } = (await appOf(id)).app;
    await lab.client.apps.stop(name);
    await way.until(id, 'stopped');
    const loading = await way.ask(`${entry}/${id}`, { headers: { accept: 'text/html' } });
    expect(loading.status).toBe(200);
    const seen = await way.until(id, 'running');
    expect(seen.filter((status) => status !== 'stopped')).toEqual(['starting', 'running']);

    const containers = await containersOf(id);
    expect(containers).toHaveLength(1);
    for (let time = 0; time < 2; time += 1) {
      const deleted = await way.ask(`${list}/${id}`, { method: 'DELETE' });
      expect([deleted.status, deleted.json()]).toEqual([
        200,
        { message: `${noun} ${id} deleted successfully.` },
      ]);
    }
    expect((await way.ask(`${entry}/${id}`)).status).toBe(404);
    expect((await way.ask(list)).json()).toEqual([]);
    const { docker } = world().engine;
    const left = await docker.listContainers({
      all: true,
      filters: { label: [`labkeeper.entity=app/${name}`] },
    });
    expect(left).toEqual([]);
  });
}
