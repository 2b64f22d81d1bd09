import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import {
  body,
  browse,
  closeBeds,
  navigation,
  openApp,
  openGateway,
  openVisitor,
  talk,
  untilStatus,
} from './bed.ts';

afterEach(closeBeds);

async function gateway(options: Parameters<typeof openGateway>[0] = {}) {
  const app = await openApp((request, response) => response.end(`served ${request.url}`));
  const bed = await openGateway(options);
  bed.store.add('plot', { title: 'Plot & <b>co</b>' });
  await untilStatus(bed, 'plot', 'asleep');
  return { ...bed, app };
}

describe('a visit to a sleeping app', () => {
  test('shows the waiting page and asks the API once, for any number of visitors', async () => {
    const bed = await gateway();
    const visits = Array.from({ length: 50 }, () => browse(bed.url('/app/plot/deep?x=1')));
    for (const visit of await Promise.all(visits)) {
      expect([visit.status, visit.headers.get('cache-control')]).toEqual([200, 'no-store']);
      const page = await visit.text();
      expect(page).toContain('Plot &#38; &#60;b&#62;co&#60;/b&#62;');
      expect(page).not.toContain('<b>');
      expect(page).toContain('<noscript><meta http-equiv="refresh"');
    }
    await eventually(() => expect(bed.api.wakes).toHaveLength(1));
    expect(bed.api.wakes[0]).toMatchObject({
      app: 'plot',
      body: { actor: 'local user', why: 'opened /app/plot/deep' },
    });
  });

  test('shows a page of its own only: strict policy, no other origin, a fresh nonce', async () => {
    const bed = await gateway();
    const nonces = new Set<string>();
    for (const _ of [1, 2]) {
      const visit = await browse(bed.url('/app/plot/'));
      const policy = visit.headers.get('content-security-policy') ?? '';
      const page = await visit.text();
      const nonce = /script-src 'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(page).toContain(`<script nonce="${nonce}">`);
      expect(page).not.toMatch(/https?:\/\//);
      nonces.add(nonce);
    }
    expect(nonces.size).toBe(2);
  });

  test('an address with odd characters cannot break out of the page', async () => {
    const bed = await gateway();
    const text = await talk(
      bed.port,
      `GET /app/plot/"><script>x</script>'\xff HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\nConnection: close\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 200/);
    expect(body(text)).not.toContain('<script>x');
    expect(body(text)).toContain('%FF');
  });

  test.each([
    ['a poll of a page', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: '*/*' }],
    ['an image', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }],
    ['a monitor', { 'user-agent': 'kube-probe/1.2', accept: '*/*' }],
  ])('%s is refused and wakes nothing', async (_what, headers) => {
    const bed = await gateway();
    const answer = await browse(bed.url('/app/plot/x'), headers);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('30');
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(await answer.json()).toMatchObject({ status: 503, title: 'App is not running' });
    expect(bed.api.wakes).toEqual([]);
  });

  test('HEAD and prefetch see the page and wake nothing', async () => {
    const bed = await gateway();
    const head = await browse(bed.url('/app/plot/'), { ...navigation }, 'HEAD');
    const prefetch = await browse(bed.url('/app/plot/'), {
      ...navigation,
      'sec-purpose': 'prefetch',
    });
    expect([head.status, prefetch.status]).toEqual([200, 200]);
    expect(await prefetch.text()).toContain('Wake it');
    expect(bed.api.wakes).toEqual([]);
  });

  test('an API call is held until the app is ready, its body kept', async () => {
    const bed = await gateway();
    const call = fetch(bed.url('/app/plot/api'), { method: 'POST', body: 'x'.repeat(200_000) });
    await eventually(() => expect(bed.api.wakes).toHaveLength(1));
    bed.store.change('plot', { wanted: 'awake', phase: 'starting', generation: 1 });
    bed.store.publish('plot', bed.app.port);
    expect(await (await call).text()).toBe('served /api');
  });

  test('an API call that waited long enough is told when to come back', async () => {
    const bed = await openGateway();
    bed.store.add('plot', { apiHoldMs: 50 });
    await untilStatus(bed, 'plot', 'asleep');
    const answer = await fetch(bed.url('/app/plot/api'));
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  test('an API call learns at once that the start failed', async () => {
    const bed = await gateway();
    const call = fetch(bed.url('/app/plot/api'));
    await eventually(() => expect(bed.api.wakes).toHaveLength(1));
    bed.store.change('plot', { wanted: 'awake', phase: 'starting', generation: 1 });
    await untilStatus(bed, 'plot', 'starting');
    bed.store.change('plot', {
      phase: 'failed',
      exit: { exitCode: 3, signal: null, outOfMemory: false },
    });
    const answer = await call;
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      detail: expect.stringContaining('code 3') as string,
    });
  });

  test('says that its space has no place for it, and goes on when there is one', async () => {
    const bed = await gateway();
    bed.api.wakeStatus = 429;
    const visitor = await openVisitor(bed.port);
    visitor.send('GET /app/plot/.labkeeper/events?view=wait HTTP/1.1\r\nHost: h\r\n\r\n');
    await visitor.until((text) => text.includes('data: '));
    expect((await browse(bed.url('/app/plot/'))).status).toBe(200);
    await visitor.until((text) => text.includes('Said the API. Trying again.'));
    const page = await (await browse(bed.url('/app/plot/'))).text();
    expect(page).toContain('<span id="headline">Waiting for a place</span>');
    expect(page).toContain('Said the API. Trying again.');
    bed.api.wakeStatus = 202;
    bed.store.change('plot', { wanted: 'awake', phase: 'starting', generation: 1 });
    await visitor.until((text) => text.includes('"headline":null'));
  });

  test('an API call learns at once that its space has no place for it', async () => {
    const bed = await gateway();
    bed.api.wakeStatus = 429;
    for (const _ of ['the call that asks', 'the next one']) {
      const answer = await fetch(bed.url('/app/plot/api'));
      expect(answer.status).toBe(429);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await answer.json()).toMatchObject({
        title: 'Its space has no place for it now',
        detail: 'Said the API.',
      });
    }
  });

  test('goes on while the API is down: the page says so, and it is asked again', async () => {
    const bed = await gateway();
    await bed.api.close();
    const visitor = await openVisitor(bed.port);
    visitor.send('GET /app/plot/.labkeeper/events?view=wait HTTP/1.1\r\nHost: h\r\n\r\n');
    await visitor.until((text) => text.includes('data: '));
    expect((await browse(bed.url('/app/plot/'))).status).toBe(200);
    await visitor.until((text) =>
      text.includes('The control plane does not answer. Trying again.'),
    );
  });

  test('a wake that the API refuses is told in its words', async () => {
    const bed = await gateway();
    bed.api.wakeStatus = 503;
    await browse(bed.url('/app/plot/'));
    await eventually(async () => {
      const page = await (await browse(bed.url('/app/plot/'))).text();
      expect(page).toContain('The control plane refused (503): said the API');
    });
    const asked = bed.api.wakes.length;
    await eventually(() => expect(bed.api.wakes.length).toBeGreaterThan(asked));
  });

  test('no request for a page reaches API or database once the app is on its way', async () => {
    const bed = await gateway();
    bed.store.change('plot', { wanted: 'awake', phase: 'starting', generation: 1 });
    await untilStatus(bed, 'plot', 'starting');
    const before = { ...bed.store.calls };
    const all = Array.from({ length: 200 }, () => browse(bed.url('/app/plot/')));
    for (const visit of await Promise.all(all)) expect(await visit.text()).toContain('Starting');
    expect(bed.api.wakes).toEqual([]);
    expect([bed.store.calls['find'], bed.store.calls['all']]).toEqual([
      before['find'],
      before['all'],
    ]);
  });
});

describe('the waiting page follows the app', () => {
  test('phases, last log lines, then ready', async () => {
    const bed = await gateway();
    const visitor = await openVisitor(bed.port);
    visitor.send('GET /app/plot/.labkeeper/events?view=wait HTTP/1.1\r\nHost: h\r\n\r\n');
    await visitor.until((text) => text.includes('"status":"asleep"'));
    bed.api.logLines = ['line one', 'line two'];
    bed.store.change('plot', {
      wanted: 'awake',
      phase: 'starting',
      generation: 1,
      detail: 'preparing image',
    });
    await visitor.until((text) => text.includes('preparing image'));
    await visitor.until((text) => text.includes('"line two"'));
    bed.store.publish('plot', bed.app.port);
    const text = await visitor.until((all) => all.includes('"status":"ready"'));
    expect(text).toContain('text/event-stream');
  });

  test('log lines are asked for only while somebody watches', async () => {
    const bed = await gateway();
    bed.store.change('plot', { wanted: 'awake', phase: 'starting', generation: 1 });
    const visitor = await openVisitor(bed.port);
    visitor.send('GET /app/plot/.labkeeper/events?view=wait HTTP/1.1\r\nHost: h\r\n\r\n');
    await eventually(() => expect(bed.api.logReads).toBeGreaterThan(1));
    visitor.socket.destroy();
    let before = -1;
    await eventually(
      () => {
        const same = bed.api.logReads === before;
        before = bed.api.logReads;
        expect(same).toBe(true);
      },
      { intervalMs: 100 },
    );
  });

  test('without a script it goes to an address that wakes nothing, and on when ready', async () => {
    const bed = await gateway();
    const page = await (await browse(bed.url('/app/plot/a?b=c&d'))).text();
    const refresh = /content="2;url=([^"]+)"/.exec(page)?.[1] ?? '';
    expect(refresh).toBe('/app/plot/.labkeeper/wait?to=%2Fapp%2Fplot%2Fa%3Fb%3Dc%26d');
    await eventually(() => expect(bed.api.wakes).toHaveLength(1));
    bed.store.change('plot', { wanted: 'awake', phase: 'starting', generation: 1 });
    await untilStatus(bed, 'plot', 'starting');
    const waiting = await browse(bed.url(refresh));
    expect(await waiting.text()).toContain('http-equiv="refresh"');
    bed.store.publish('plot', bed.app.port);
    await untilStatus(bed, 'plot', 'ready');
    const ready = await browse(bed.url(refresh));
    expect([ready.status, ready.headers.get('location')]).toEqual([307, '/app/plot/a?b=c&d']);
    expect(bed.api.wakes).toHaveLength(1);
  });

  test('a start that is refused before it begins is told, and once more when that is tried again', async () => {
    const bed = await gateway();
    for (const reason of ['volume data is full', 'volume data is full, still']) {
      await browse(bed.url('/app/plot/x'));
      const asks = await browse(bed.url('/app/plot/.labkeeper/wait?to=/app/plot/x'));
      expect(await asks.text()).toContain('asked to start a moment ago');
      bed.store.change('plot', { wanted: 'awake', phase: 'failed', detail: reason });
      await eventually(async () => {
        const page = await browse(bed.url('/app/plot/.labkeeper/wait?to=/app/plot/x'));
        expect(await page.text()).toContain(`${reason}; the next visit tries again`);
      });
    }
    await eventually(() => expect(bed.api.wakes).toHaveLength(2));
  });

  test('a failed start stops the reloading, says why and offers to try again', async () => {
    const bed = await gateway();
    bed.store.change('plot', {
      wanted: 'awake',
      phase: 'failed',
      exit: { exitCode: 2, signal: null, outOfMemory: false },
      lastLogLines: ['Traceback: <no module>'],
    });
    await untilStatus(bed, 'plot', 'failed');
    const page = await (await browse(bed.url('/app/plot/.labkeeper/wait?to=/app/plot/x'))).text();
    expect(page).not.toContain('http-equiv="refresh"');
    expect(page).toContain('exited with code 2');
    expect(page).toContain('Traceback: &#60;no module&#62;');
    expect(page).toContain('<a id="button" href="/app/plot/x">Try again</a>');
    expect(bed.api.wakes).toEqual([]);
    await browse(bed.url('/app/plot/x'));
    await eventually(() => expect(bed.api.wakes).toHaveLength(1));
  });

  test('an address elsewhere is never gone to', async () => {
    const bed = await gateway();
    bed.store.publish('plot', bed.app.port);
    await untilStatus(bed, 'plot', 'ready');
    for (const to of [
      '//evil.example/',
      'https://evil.example/',
      '/app/other/',
      '/app/plot/%0d%0aX: y',
    ]) {
      const answer = await fetch(bed.url(`/app/plot/.labkeeper/wait?to=${to}`), {
        redirect: 'manual',
      });
      expect(answer.headers.get('location')).toBe('/app/plot/');
    }
  });
});

describe('a route that is stale', () => {
  test('an app that died: a person sees the waiting page until it is back', async () => {
    const bed = await gateway();
    bed.store.publish('plot', bed.app.port);
    await untilStatus(bed, 'plot', 'ready');
    await bed.app.close();
    const page = await (await browse(bed.url('/app/plot/'))).text();
    expect(page).toContain('does not answer at the moment');
    const again = await openApp((_request, response) => response.end('back'));
    bed.store.publish('plot', again.port, 2);
    await untilStatus(bed, 'plot', 'ready');
    expect(await (await browse(bed.url('/app/plot/'))).text()).toBe('back');
  });

  test('an app that died: an API call is held and answered by its successor', async () => {
    const bed = await gateway();
    bed.store.publish('plot', bed.app.port);
    await untilStatus(bed, 'plot', 'ready');
    await bed.app.close();
    const call = fetch(bed.url('/app/plot/api'), { method: 'POST', body: 'kept' });
    await eventually(() => expect(bed.worker.numbers()['labkeeper_gateway_held_requests']).toBe(1));
    const again = await openApp((request, response) => request.pipe(response));
    bed.store.publish('plot', again.port, 2);
    expect(await (await call).text()).toBe('kept');
  });

  test('a refusal that passes: waiting requests go on without news from the control plane', async () => {
    const bed = await gateway();
    bed.store.publish('plot', bed.app.port);
    await untilStatus(bed, 'plot', 'ready');
    await bed.app.close();
    const call = fetch(bed.url('/app/plot/api'));
    await eventually(() => expect(bed.worker.numbers()['labkeeper_gateway_held_requests']).toBe(1));
    bed.app.server.listen(bed.app.port, '127.0.0.1');
    expect(await (await call).text()).toBe('served /api');
    await bed.app.close();
  });

  test('a route that moved unnoticed is read again, and the request repeated there', async () => {
    const bed = await gateway();
    bed.store.publish('plot', bed.app.port);
    await untilStatus(bed, 'plot', 'ready');
    const next = await openApp((request, response) => request.pipe(response));
    bed.store.mute = true;
    bed.store.publish('plot', next.port, 2);
    await bed.app.close();
    const answer = await fetch(bed.url('/app/plot/'), { method: 'POST', body: 'moved' });
    expect([answer.status, await answer.text()]).toEqual([200, 'moved']);
  });
});
