import { expect, it } from 'vitest';
import { eventually } from '../../../beds/eventually.ts';
import { navigation, newId, type QulabsWorld } from '../bed.ts';

export function listAndDelete(world: () => QulabsWorld): void {
  it('L1, L2 lists each app with what old clients read, by id; people get links', async () => {
    const { own, onConsole, image, lab } = world();
    const docker_image = await image('lab/l1:latest');
    const ids = [newId(), newId()].sort();
    for (const lab_id of ids.toReversed()) {
      await own.post('/register_app', { lab_id, docker_image, port: '8506' });
    }
    // An app of labkeeper's own has no id here, and is none of the family's.
    await lab.client.apps.register('native', { command: ['/bin/true'] });
    for (const path of ['/apps', '/labs']) {
      const answer = await own.ask(path);
      expect(answer.json()).toEqual(
        ids.map((lab_id) => ({
          ...{ lab_id, app_name: lab_id, docker_image, port: 8506, running_status: 'running' },
          url: `${own.base}/${lab_id}/`,
        })),
      );
    }
    const page = await onConsole.ask('/apps', { headers: navigation });
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    for (const id of ids) expect(page.text).toContain(`href="${onConsole.mount}/app/${id}"`);
    for (const id of ids) await own.ask(`/labs/${id}`, { method: 'DELETE' });
    expect((await own.ask('/apps')).json()).toEqual([]);
    await lab.client.apps.remove('native');
  });

  it('D1 takes container, route and entry away, and keeps what it was in the timeline', async () => {
    const { own, lab, image, appOf, containersOf } = world();
    const docker_image = await image('lab/d1:latest');
    const id = newId();
    await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    const { name } = (await appOf(id)).app;
    const [container] = await containersOf(id);
    const answer = await own.ask(`/apps/${id}`, { method: 'DELETE' });
    expect([answer.status, answer.json()]).toEqual([
      200,
      { message: `App ${id} deleted successfully.` },
    ]);
    const { docker } = world().engine;
    await expect(docker.getContainer(container?.Id ?? '').inspect()).rejects.toMatchObject({
      statusCode: 404,
    });
    expect((await own.ask(`/app/${id}`)).status).toBe(404);
    expect((await own.ask(`/${id}/`)).status).toBe(404);
    const events = await lab.store.events.list({ entity: `app/${name}`, limit: 20 });
    expect(events.find(({ what }) => what === 'deletion asked for')?.data).toMatchObject({
      ...{ lab_id: id, docker_image, port: 8506 },
    });
  });

  it('D2 answers the same for what is gone already, or never was', async () => {
    const { own } = world();
    const id = newId();
    const answer = await own.ask(`/labs/${id}`, { method: 'DELETE' });
    expect([answer.status, answer.json()]).toEqual([
      200,
      { message: `Lab ${id} deleted successfully.` },
    ]);
  });

  it('D3 says when it could not be removed yet, and goes on', async () => {
    const { own, lab, engine, image } = world();
    const docker_image = await image('lab/d3:latest');
    const id = newId();
    await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    lab.environment['LABKEEPER_QULABS_DELETE_MS'] = '300';
    await lab.api.kill9();
    await lab.api.start();
    engine.freeze();
    try {
      const answer = await own.ask(`/apps/${id}`, { method: 'DELETE' });
      expect([answer.status, answer.json()['detail']]).toEqual([
        500,
        `App ${id} is not gone after 300 ms; its removal goes on`,
      ]);
    } finally {
      engine.thaw();
      delete lab.environment['LABKEEPER_QULABS_DELETE_MS'];
      await lab.api.kill9();
      await lab.api.start();
    }
    await eventually(async () => expect((await own.ask(`/app/${id}`)).status).toBe(404), {
      deadlineMs: 60_000,
    });
  });

  it('D4 cancels a registration that is under way, and nothing is left running', async () => {
    const { own, lab, engine, image } = world();
    const docker_image = await image('lab/d4:latest', ['ENV LAB_DELAY_MS=600000']);
    const id = newId();
    const pending = own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    const label = await eventually(
      async () => {
        const found = await lab.store.foreignIds.find('qulabs', id);
        const name = [`labkeeper.entity=app/${found?.app.name}`];
        const made = await engine.docker.listContainers({ filters: { label: name } });
        expect(made).toHaveLength(1);
        return name;
      },
      { deadlineMs: 30_000 },
    );
    expect((await own.ask(`/apps/${id}`, { method: 'DELETE' })).status).toBe(200);
    const answer = await pending;
    expect([answer.status, answer.json()['detail']]).toEqual([
      500,
      `App ${id} failed to start: canceled: deleted by QuLabs client`,
    ]);
    expect(await engine.docker.listContainers({ all: true, filters: { label } })).toEqual([]);
    expect((await own.ask(`/status/${id}`)).status).toBe(404);
  });
}
