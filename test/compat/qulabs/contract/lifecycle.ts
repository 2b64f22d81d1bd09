import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { eventually } from '../../../beds/eventually.ts';
import { openSocket } from '../../../beds/socket.ts';
import { newId, patienceMs, type QulabsWorld } from '../bed.ts';

export function lifecycle(world: () => QulabsWorld): void {
  /** A registered lab; `idle` in milliseconds takes the place of a day. */
  const lab = async (tag: string, idle?: { idleAfterMs: number; disconnectedAfterMs: number }) => {
    const { own, lab: installation, image, appOf } = world();
    const docker_image = await image(tag);
    const id = newId();
    const answer = await own.post('/register_app', { lab_id: id, docker_image, port: 8506 });
    expect(answer.status, answer.text).toBe(200);
    const { name, spec } = (await appOf(id)).app;
    if (idle !== undefined) {
      await installation.client.apps.register(name, {
        ...spec,
        idle: { ...idle, warnBeforeMs: 0 },
      });
    }
    return { id, name, spec };
  };
  const gone = (id: string) => world().own.ask(`/apps/${id}`, { method: 'DELETE' });

  it('I1 counts what people do as use; polls and pings and static noise are none', async () => {
    const { own, lab: installation } = world();
    const { id, name } = await lab('lab/i1:latest');
    const lastUse = async () => (await installation.store.use.read(name))?.reason;
    const { socket, received } = await openSocket(`${own.base}/${id}/_stcore/stream`);
    socket.send('typed');
    await eventually(async () => {
      expect(received).toEqual(['typed']);
      expect(await lastUse()).toBe('WebSocket message');
    });
    const before = await installation.store.use.read(name);
    for (let poll = 0; poll < 3; poll += 1) {
      await own.ask(`/status/${id}`);
      await own.ask(`/${id}/_stcore/health`);
      socket.ping();
    }
    await own.ask('/apps');
    // Gateways have reported twice by then, and told of nothing.
    await eventually(async () => {
      const after = await installation.store.use.read(name);
      expect(after?.reason).toBe(before?.reason);
      expect(after?.idleMs).toBeGreaterThan((before?.idleMs ?? 0) + 400);
    });
    socket.close();
    await gone(id);
  });

  it('I2 has a day without use, and more than two minutes without a connection', async () => {
    const { id, spec } = await lab('lab/i2:latest');
    expect(spec.idle).toMatchObject({ idleAfterMs: 24 * 3_600_000, maxAgeMs: null });
    expect(spec.idle.disconnectedAfterMs).toBeGreaterThanOrEqual(120_000);
    await gone(id);
  });

  it('I3 keeps running and knowing apps over a restart of every process', async () => {
    const { own, lab: installation, containersOf } = world();
    const { id } = await lab('lab/i3:latest');
    const [before] = await containersOf(id);
    const { api, worker, gateway } = installation;
    await Promise.all([api.kill9(), worker.kill9(), gateway.kill9()]);
    await Promise.all([api.start(), worker.start(), gateway.start()]);
    expect((await own.ask(`/${id}/x`)).status).toBe(200);
    expect((await own.ask(`/status/${id}`)).json()['running_status']).toBe('running');
    expect((await containersOf(id)).map(({ Id }) => Id)).toEqual([before?.Id]);
    await gone(id);
  });

  it('I4 tells open sockets that it goes, removes the container and keeps the image', async () => {
    const { own, engine, lab: installation, containersOf } = world();
    const { id, name } = await lab('lab/i4:latest');
    const { socket } = await openSocket(`${own.base}/${id}/ws`);
    const closed = new Promise<number>((resolve) => socket.once('close', resolve));
    await installation.client.apps.stop(name);
    expect(await closed).toBe(1001);
    await own.until(id, 'stopped');
    await eventually(async () => expect(await containersOf(id)).toEqual([]));
    expect(await engine.docker.getImage('lab/i4:latest').inspect()).toBeTruthy();
    await gone(id);
  });

  it('I5 restarts after a crash with a pause, and gives up with the reason', async () => {
    const { own, lab: installation, engine, containersOf, appOf } = world();
    const { id, name, spec } = await lab('lab/i5:latest');
    const restart = { initialDelayMs: 20, maxDelayMs: 20, maxRestarts: 1, windowMs: 60_000 };
    await installation.client.apps.register(name, { ...spec, restart });
    for (let crash = 1; crash <= 2; crash += 1) {
      await own.until(id, 'running');
      const { generation } = (await appOf(id)).app.condition;
      const [container] = await containersOf(id);
      await engine.docker.getContainer(container?.Id ?? '').kill();
      await eventually(
        async () => {
          const { condition } = (await appOf(id)).app;
          expect(condition.phase === 'failed' || condition.generation > generation).toBe(true);
        },
        { deadlineMs: patienceMs },
      );
    }
    await own.until(id, 'stopped');
    expect((await own.ask(`/status/${id}`)).json()['error']).toMatch(/gave up after 1 restart/);
    await gone(id);
  });

  it('I6 limits memory, CPU and processes', async () => {
    const { engine, containersOf } = world();
    const { id } = await lab('lab/i6:latest');
    const [container] = await containersOf(id);
    const { HostConfig } = await engine.docker.getContainer(container?.Id ?? '').inspect();
    expect(HostConfig).toMatchObject({
      Memory: 192 * 1024 * 1024,
      NanoCpus: 1e9,
      PidsLimit: 257,
      Privileged: false,
    });
    await gone(id);
  });

  it('I7 never lets a visit meet a 502 while it falls asleep and wakes', async () => {
    const { own } = world();
    const { id } = await lab('lab/i7:latest', { idleAfterMs: 300, disconnectedAfterMs: 300 });
    const seen = new Set<number>();
    const headers = { accept: 'text/html' };
    const endsAtMs = performance.now() + 6_000;
    while (performance.now() < endsAtMs) {
      const answer = await own.ask(`/${id}/`, { headers });
      seen.add(answer.status);
      await pause(290);
    }
    expect([...seen]).toEqual([200]);
    await gone(id);
  });
}
