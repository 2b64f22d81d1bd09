import net from 'node:net';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { openSocket } from '../beds/socket.ts';
import { chance, isLong } from './chance.ts';
import { echoApp, visitPage } from './echo-app.ts';
import { instancesOf, patienceMs, untilStatus, whoIs } from './lab-view.ts';
import { openLifeLedger, type LifeLedger } from './life-ledger.ts';
import { afterAnswers, useSteadily } from './steady-use.ts';

const present = requirePart('temporal') && requirePart('postgres');

describe.runIf(present)('around the moment when an app falls asleep', () => {
  let lab: Lab;
  let ledger: LifeLedger;
  beforeAll(async () => {
    ledger = await openLifeLedger();
    lab = await startLab({ LABKEEPER_DRAIN_MS: '20000' });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await ledger?.remove();
  }, 60_000);

  const idle = (idleAfterMs: number) => ({
    idle: { idleAfterMs, disconnectedAfterMs: idleAfterMs, warnBeforeMs: 0 },
  });

  it('whenever a visit comes it is served: no error, no cut connection, one instance', async () => {
    const seeds = isLong ? [11, 12, 13, 14, 15] : [11];
    for (const seed of seeds) {
      const names = ['early', 'exact', 'late'].map((name) => `${name}-${seed}`);
      await Promise.all(
        names.map(async (name, at) => {
          const random = chance(seed * 100 + at);
          await lab.client.apps.register(
            name,
            echoApp({ ...idle(400), environment: ledger.environmentFor(name) }),
          );
          await whoIs(lab, name);
          for (let round = 0; round < 10; round += 1) {
            // From just before the idle time to the middle of the stop and beyond.
            await random.moment(350 + at * 50, 650 + at * 100);
            await Promise.all([
              whoIs(lab, name),
              fetch(lab.appUrl(name, '/upload'), { method: 'POST', body: `round ${round}` }).then(
                async (answer) => expect(await answer.json()).toMatchObject({ size: 7 }),
              ),
              visitPage(lab.appUrl(name)).then(({ status }) => expect(status).toBe(200)),
            ]);
          }
        }),
      );
      for (const name of names) await untilStatus(lab, name, 'asleep');
    }
    expect((await ledger.read()).filter(({ what }) => what === 'rival')).toEqual([]);
    const slept = (await lab.store.events.list({ limit: 200 })).filter(
      ({ what }) => what === 'stopped',
    );
    // Else the rounds met no race at all.
    expect(slept.length).toBeGreaterThan(3);
  }, 200_000);

  it('a visitor who vanished without a word keeps nothing awake and no connection', async () => {
    await lab.client.apps.register('haunted', echoApp(idle(1_500)));
    await whoIs(lab, 'haunted');
    const line = await openLine(new URL(lab.appsUrl));
    const { socket, received } = await openSocket(
      lab.appUrl('haunted', '/socket').replace(new URL(lab.appsUrl).host, `127.0.0.1:${line.port}`),
    );
    socket.send('the last word');
    await eventually(() => expect(received).toEqual(['the last word']));
    line.cut();
    await untilStatus(lab, 'haunted', 'asleep');
    await eventually(async () => expect(await gatewayNumber('websockets')).toBe(0));
    socket.terminate();
    line.close();
  });

  it('a killed gateway leaves nothing that keeps an app awake, and the next one serves it', async () => {
    await lab.client.apps.register('survives', echoApp(idle(3_000)));
    const pid = await whoIs(lab, 'survives');
    const { socket, closed } = await openSocket(lab.appUrl('survives', '/socket'));
    socket.send('used');
    const cut = fetch(lab.appUrl('survives', '/slow?ms=60000')).then((answer) => answer.text());
    cut.catch(() => undefined);
    await eventually(async () => expect((await lab.store.use.read('survives'))?.inFlight).toBe(1));
    await lab.gateway.kill9();
    await closed;
    await expect(cut).rejects.toThrow(/./);
    await lab.gateway.start();
    expect(await whoIs(lab, 'survives')).toBe(pid);
    // What its predecessor had in flight ended with it.
    await untilStatus(lab, 'survives', 'asleep');
  });

  it('a gateway that stays away holds up sleep for a bounded time only', async () => {
    await lab.client.apps.register('orphaned', echoApp(idle(1_500)));
    await whoIs(lab, 'orphaned');
    const { socket, closed } = await openSocket(lab.appUrl('orphaned', '/socket'));
    // Else its last word is that somebody waits for an answer, which holds for half a minute.
    await eventually(async () =>
      expect(await lab.store.use.read('orphaned')).toMatchObject({ inFlight: 0, openSockets: 1 }),
    );
    await lab.gateway.kill9();
    await closed;
    socket.terminate();
    try {
      await eventually(async () => expect(await instancesOf(lab, 'orphaned')).toEqual([]), {
        deadlineMs: patienceMs,
      });
    } finally {
      await lab.gateway.start();
    }
    await whoIs(lab, 'orphaned');
  });

  it('a gateway that hands over cuts nobody off: what the old one sees still counts as use', async () => {
    await lab.client.apps.register('handed', echoApp(idle(1_500)));
    await lab.client.apps.register('talked-to', echoApp(idle(1_500)));
    const [pid, talkedTo] = [await whoIs(lab, 'handed'), await whoIs(lab, 'talked-to')];
    const visitor = await useSteadily((path) => lab.appUrl('handed', path));
    // Its only use is a WebSocket at the gateway that retires.
    const { socket, received } = await openSocket(lab.appUrl('talked-to', '/socket'));
    let sent = 0;
    const talking = setInterval(() => socket.send(`word ${(sent += 1)}`), 200);
    process.kill(lab.gateway.pid, 'SIGHUP');
    await eventually(() => expect(lab.gateway.output()).toContain('handed over'), {
      deadlineMs: 30_000,
    });
    await afterAnswers(visitor, 60);
    clearInterval(talking);
    await eventually(() => expect(received).toHaveLength(sent));
    expect(await visitor.stop()).toMatchObject({ failures: [], pids: [pid] });
    expect(await whoIs(lab, 'talked-to')).toBe(talkedTo);
    socket.close();
    await untilStatus(lab, 'talked-to', 'asleep');
    await untilStatus(lab, 'handed', 'asleep');
  });

  it('use that no batch has told of yet keeps it awake: every gateway is asked first', async () => {
    lab.environment['LABKEEPER_ACTIVITY_INTERVAL_MS'] = '600000';
    await lab.gateway.stop();
    await lab.gateway.start();
    await lab.client.apps.register('unreported', echoApp(idle(1_000)));
    const pid = await whoIs(lab, 'unreported');
    const visitor = await useSteadily((path) => lab.appUrl('unreported', path));
    const [ready] = await lab.store.events.list({ entity: 'app/unreported', limit: 1 });
    await eventually(
      async () => {
        const { sleepsAt } = (await lab.client.apps.show('unreported')).condition;
        // The clocks were read a few times since, and each time the gateway said no.
        expect(Date.parse(sleepsAt ?? '')).toBeGreaterThan(Date.parse(ready?.at ?? '') + 5_000);
        await whoIs(lab, 'unreported');
      },
      { deadlineMs: patienceMs },
    );
    expect(await visitor.stop()).toMatchObject({ failures: [], pids: [pid] });
    await untilStatus(lab, 'unreported', 'asleep');
  });

  async function gatewayNumber(name: string): Promise<number> {
    const text = await (await fetch(`${lab.gatewayMetricsUrl}/metrics`)).text();
    return Number(new RegExp(`^labkeeper_gateway_${name} (\\d+)$`, 'm').exec(text)?.[1]);
  }
});

/** A line to the gateway that can be cut: both ends stay open and nothing passes any more. */
async function openLine(
  target: URL,
): Promise<{ port: number; cut: () => void; close: () => void }> {
  const sockets: net.Socket[] = [];
  let isCut = false;
  const server = net.createServer((client) => {
    const gateway = net.connect(Number(target.port), target.hostname);
    sockets.push(client, gateway);
    for (const [from, to] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      from.on('data', (bytes) => !isCut && to.write(bytes));
      from.on('error', () => undefined);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the line has no port');
  return {
    port: address.port,
    cut: () => {
      isCut = true;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
