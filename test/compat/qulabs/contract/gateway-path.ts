import { createHash, randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { once } from 'node:events';
import { beforeAll, expect, it } from 'vitest';
import { eventually } from '../../../beds/eventually.ts';
import { ask, navigation, newId, patienceMs, type QulabsWorld, type Way } from '../bed.ts';

interface Seen {
  path: string;
  headers: Record<string, string>;
}

export function gatewayPath(world: () => QulabsWorld): void {
  const id = newId();
  const register = async (lab_id = id, lines: string[] = []) => {
    const { own, image } = world();
    const docker_image = await image(`lab/path:${lab_id}`, lines);
    const answer = await own.post('/register_app', { lab_id, docker_image, port: 8506 });
    expect(answer.status, answer.text).toBe(200);
  };
  beforeAll(() => register(), patienceMs);
  const ways = (): Way[] => [world().own, world().onConsole];

  it('G1, G2 passes any method on, query untouched, and keeps the id in the path', async () => {
    for (const way of ways()) {
      const seen = (await way.ask(`/${id}/a/b?c=%20d&c=1`)).json() as unknown as Seen;
      expect(seen.path).toBe(`/${id}/a/b?c=%20d&c=1`);
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
        const answer = await way.ask(`/${id}/echo`, { method, body: `${method} body` });
        expect([answer.status, answer.text]).toEqual([200, `${method} body`]);
      }
    }
  });

  it('G3 strips the id for an image built without a base path, unless an operator says otherwise', async () => {
    const { own, lab, appOf } = world();
    const stripped = newId();
    await register(stripped, ['ENV LAB_KIND=root']);
    for (const way of ways()) {
      const seen = (await way.ask(`/${stripped}/a?b=1`)).json() as unknown as Seen;
      expect(seen.path).toBe('/a?b=1');
      expect(seen.headers['x-forwarded-prefix']).toBe(`${way.mount}/${stripped}`);
    }
    const { name, spec } = (await appOf(stripped)).app;
    await lab.client.apps.register(name, {
      ...spec,
      prefixMode: 'keep',
      health: { ...spec.health, path: '/health' },
    });
    await own.ask(`/app/${stripped}`);
    await own.until(stripped, 'running');
    await eventually(async () => {
      expect(((await own.ask(`/${stripped}/a`)).json() as unknown as Seen).path).toBe(
        `/${stripped}/a`,
      );
    });
    await own.ask(`/apps/${stripped}`, { method: 'DELETE' });
  });

  it('G4 adds the slash, query kept', async () => {
    for (const way of ways()) {
      const answer = await way.ask(`/${id}?a=1`);
      expect([answer.status, answer.headers.location]).toEqual([301, `${way.mount}/${id}/?a=1`]);
    }
  });

  it('G5 switches to WebSockets, subprotocols and frames untouched both ways', async () => {
    for (const way of ways()) {
      const url = `${way.base.replace(/^http/, 'ws')}/${id}/_stcore/stream`;
      const socket = new WebSocket(url, ['streamlit', 'token-1', 'session-2']);
      await once(socket, 'open');
      expect(socket.protocol).toBe('streamlit');
      const sent = randomBytes(100_000);
      const received = once(socket, 'message');
      socket.send(sent);
      const [data] = (await received) as [Buffer];
      expect(data.equals(sent)).toBe(true);
      const ponged = once(socket, 'pong');
      socket.ping('beat');
      expect(String((await ponged)[0])).toBe('beat');
      socket.close(1000);
      await once(socket, 'close');
    }
  });

  it('G6 gives the app the host as the visitor sent it, with its port and Origin', async () => {
    const { own } = world();
    const headers = { host: 'labs.example:8443', origin: 'https://labs.example:8443' };
    const seen = (await own.ask(`/${id}/x`, { headers })).json() as unknown as Seen;
    expect(seen.headers).toMatchObject(headers);
  });

  it('G7 says how it was reached, believes no visitor’s word on it, and mends redirects', async () => {
    for (const way of ways()) {
      const forged = { 'x-forwarded-for': '6.6.6.6', 'x-forwarded-prefix': '/evil' };
      const seen = (await way.ask(`/${id}/x`, { headers: forged })).json() as unknown as Seen;
      expect(seen.headers).toMatchObject({
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': new URL(way.base).host,
      });
      expect(seen.headers['x-forwarded-prefix']).toBe(way.mount === '' ? undefined : way.mount);
      const moved = await way.ask(`/${id}/away`);
      expect([moved.status, moved.headers.location]).toEqual([302, `${way.mount}/${id}/landed`]);
    }
  });

  it('G8 streams an upload of 200 MB both ways, and leaves cookies as they are', async () => {
    const piece = randomBytes(1024 * 1024);
    const pieces = 200;
    for (const way of ways()) {
      const sent = createHash('sha256');
      let left = pieces;
      const body = new ReadableStream({
        pull(controller) {
          if (left === 0) {
            controller.close();
            return;
          }
          left -= 1;
          sent.update(piece);
          controller.enqueue(piece);
        },
      });
      const options = { method: 'PUT', body, duplex: 'half' } as RequestInit;
      const answer = await fetch(`${way.base}/${id}/echo`, options);
      const received = createHash('sha256');
      for await (const chunk of answer.body ?? []) received.update(chunk as Uint8Array);
      expect(received.digest('hex')).toBe(sent.digest('hex'));
      const cookies = (await way.ask(`/${id}/set-cookie`)).headers['set-cookie'];
      expect(cookies).toEqual(['a="b c"; Path=/']);
    }
  });

  it('G9 wakes for a person only, who gets a page that comes back to the address asked for', async () => {
    const { own, onConsole, lab, appOf } = world();
    await lab.client.apps.stop((await appOf(id)).app.name);
    await own.until(id, 'stopped');
    const refused = [
      { accept: 'application/json' },
      { accept: '*/*' },
      { accept: 'text/html', 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
      { accept: 'image/*', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
    ];
    for (const way of ways()) {
      for (const headers of refused.filter(({ accept }) => accept !== 'text/html')) {
        const answer = await way.ask(`/${id}/deep?q=1`, { headers });
        expect([answer.status, answer.json()]).toEqual([503, { detail: 'App is not running' }]);
        expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      }
      const socket = new WebSocket(`${way.base.replace(/^http/, 'ws')}/${id}/_stcore/stream`);
      const [, answer] = (await once(socket, 'unexpected-response')) as [
        unknown,
        { statusCode: number },
      ];
      expect(answer.statusCode).toBe(503);
      socket.on('error', () => undefined);
      socket.terminate();
    }
    expect((await own.ask(`/${id}/`, { headers: refused[2] ?? {} })).status).toBe(503);
    expect((await own.ask(`/status/${id}`)).json()['running_status']).toBe('stopped');
    const elsewhere = await onConsole.ask(`/${id}/deep?q=1`, { headers: navigation });
    expect([elsewhere.status, elsewhere.headers.location]).toEqual([
      307,
      `${lab.appsUrl}/compat/qulabs/${id}/deep?q=1`,
    ]);
    const page = await ask(elsewhere.headers.location ?? '', { headers: navigation });
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('/deep?q=1')]);
    await own.until(id, 'running');
    const { accept } = navigation;
    await lab.client.apps.stop((await appOf(id)).app.name);
    await own.until(id, 'stopped');
    const old = await own.ask(`/${id}/deep?q=1`, { headers: { accept } });
    expect([old.status, old.text]).toEqual([
      200,
      expect.stringContaining(`data-to="/${id}/deep?q=1"`),
    ]);
    await own.until(id, 'running');
  });

  it('G10 answers 404 for an unknown id, and 502 for an app that resets, never a hang', async () => {
    for (const way of ways()) {
      const answer = await way.ask(`/${newId()}/x`);
      expect([answer.status, answer.json()]).toEqual([404, { detail: 'Not Found' }]);
      const reset = await way.ask(`/${id}/refuse`);
      expect(reset.status).toBe(502);
      expect(reset.json()['detail']).toContain('no usable answer');
    }
  });

  it('G10 answers 502 for an app that refuses connections although it is routed', async () => {
    const { own, lab, engine, containersOf } = world();
    const [container] = await containersOf(id);
    // Nobody tells of its death: its agent is away too.
    await lab.worker.kill9();
    await engine.docker.getContainer(container?.Id ?? '').kill();
    const answer = await own.ask(`/${id}/x`);
    expect([answer.status, answer.json()['detail']]).toEqual([
      502,
      expect.stringContaining('no usable answer'),
    ]);
    await lab.worker.start();
    await eventually(async () => expect((await own.ask(`/${id}/x`)).status).toBe(200), {
      deadlineMs: patienceMs,
    });
    await own.ask(`/apps/${id}`, { method: 'DELETE' });
  });

  it('lets no app of the console’s prefix be a page of the console', async () => {
    const { onConsole } = world();
    const other = newId();
    await register(other);
    for (const headers of [
      navigation,
      { accept: 'text/html' },
      { ...navigation, 'sec-fetch-dest': 'iframe' },
      { accept: '*/*', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'object' },
    ]) {
      const answer = await onConsole.ask(`/${other}/`, { headers });
      expect([answer.status, answer.headers.location]).toEqual([
        307,
        `${world().lab.appsUrl}/compat/qulabs/${other}/`,
      ]);
    }
    const data = await onConsole.ask(`/${other}/x`);
    expect(data.headers['content-security-policy']).toBe('sandbox');
    await world().own.ask(`/apps/${other}`, { method: 'DELETE' });
  });
}
