import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labkeeperClient, type LabkeeperClient } from '../../src/client/index.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Another, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { echoApp, visitPage } from './echo-app.ts';
import { instancesOf, patienceMs, untilStatus } from './lab-view.ts';
import { useSteadily } from './steady-use.ts';

const present = requirePart('temporal') && requirePart('postgres');

/** Everything over one database and one Temporal, as on several machines behind a load balancer. */
describe.runIf(present)('two gateways and two APIs at once', () => {
  let lab: Lab;
  let api: Another;
  let gateway: Another;
  let other: LabkeeperClient;

  beforeAll(async () => {
    // What a gateway saw is told when it is asked, not before.
    lab = await startLab({ LABKEEPER_ACTIVITY_INTERVAL_MS: '600000' });
    api = await lab.another('api');
    lab.environment['LABKEEPER_API_URL'] = `${lab.apiUrl}, ${api.apiUrl}`;
    await lab.gateway.stop();
    await lab.gateway.start();
    gateway = await lab.another('gateway');
    other = labkeeperClient({ baseUrl: gateway.consoleUrl });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  const through = (base: { appsUrl: string }, name: string, path = '/who') =>
    `${base.appsUrl}/app/${name}${path}`;
  async function pidThrough(base: { appsUrl: string }, name: string): Promise<number> {
    const answer = await fetch(through(base, name));
    expect(answer.status, await answer.clone().text()).toBe(200);
    return ((await answer.json()) as { pid: number }).pid;
  }
  const settled = async (operation: { id: string }) =>
    expect(await lab.client.operations.wait(operation.id)).toMatchObject({ state: 'succeeded' });

  it('an app that is registered through one is open through both, as one instance', async () => {
    await lab.client.apps.register('shared', echoApp({ environment: { BOOT_DELAY_MS: '500' } }));
    expect((await other.apps.show('shared')).status).toBe('asleep');
    const pages = await Promise.all(
      [lab, gateway].map((base) => visitPage(through(base, 'shared', '/'))),
    );
    for (const page of pages) expect(page.body).toContain('shared');
    const pids = await Promise.all([lab, gateway].map((base) => pidThrough(base, 'shared')));
    expect(new Set(pids).size).toBe(1);
    expect(await instancesOf(lab, 'shared')).toEqual(['app-shared-1']);
  });

  it('each is asked before an app is put to sleep: use that one of them sees keeps it awake', async () => {
    const idle = { idleAfterMs: 1_000, disconnectedAfterMs: 1_000, warnBeforeMs: 0 };
    for (const [base, name] of [
      [lab, 'here'],
      [gateway, 'there'],
    ] as const) {
      await lab.client.apps.register(name, echoApp({ idle }));
      await pidThrough(base, name);
      const visitor = await useSteadily((path) => through(base, name, path), {
        everyMs: 200,
        socket: false,
      });
      const [ready] = await lab.store.events.list({ entity: `app/${name}`, limit: 1 });
      await eventually(
        async () => {
          const { sleepsAt } = (await lab.client.apps.show(name)).condition;
          // The clocks were read a few times since, and each time one gateway said no.
          expect(Date.parse(sleepsAt ?? '')).toBeGreaterThan(Date.parse(ready?.at ?? '') + 5_000);
        },
        { deadlineMs: patienceMs },
      );
      expect(await visitor.stop()).toMatchObject({ failures: [], pids: [expect.any(Number)] });
      expect(await instancesOf(lab, name)).toEqual([`app-${name}-1`]);
      await untilStatus(lab, name, 'asleep');
    }
  }, 120_000);

  it('what both accepted while Temporal was away is delivered once, in order', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `queued-${index}`);
    await lab.temporal.stop();
    const accepted = await Promise.all(
      names.map(async (name, index) => {
        const [first, second] = index % 2 === 0 ? [lab.client, other] : [other, lab.client];
        await first.apps.register(name, echoApp());
        await first.apps.start(name);
        await second.apps.stop(name);
        return first.apps.start(name);
      }),
    );
    await lab.temporal.start();
    for (const operation of accepted) await settled(operation);
    await eventually(async () => expect((await lab.store.outbox.backlog()).entries).toBe(0));
    const connection = await Connection.connect({ address: lab.temporal.address });
    try {
      const client = new Client({ connection });
      for (const name of names) {
        await untilStatus(lab, name, 'ready');
        expect(await signalsOf(client, name)).toBe(4);
      }
    } finally {
      await connection.close();
    }
  }, 120_000);

  it('one API that is killed is not missed: not by people, not by what it had accepted', async () => {
    await lab.client.apps.register('orphan', echoApp());
    await lab.temporal.stop();
    const direct = labkeeperClient({ baseUrl: api.apiUrl });
    const start = await direct.apps.start('orphan');
    await api.process.kill9();
    for (const base of [lab, gateway]) {
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => fetch(`${base.consoleUrl}/api/v1/apps?limit=1`)),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array<number>(20).fill(200));
    }
    const created = await Promise.all(
      [lab.client, other].map((one, index) => one.apps.register(`later-${index}`, echoApp())),
    );
    expect(created.map(({ outcome }) => outcome)).toEqual(['created', 'created']);
    await lab.temporal.start();
    await settled(start);
    // Held until they are awake: the wake is asked of the API that is left.
    await Promise.all([pidThrough(lab, 'later-0'), pidThrough(gateway, 'later-1')]);
    await api.process.start();
    expect((await fetch(`${api.apiUrl}/health/ready`)).status).toBe(200);
  }, 120_000);

  it('a gateway that is killed is not waited for longer than it may hold up a stop', async () => {
    const idle = { idleAfterMs: 1_000, disconnectedAfterMs: 1_000, warnBeforeMs: 0 };
    await lab.client.apps.register('left', echoApp({ idle }));
    await pidThrough(gateway, 'left');
    await gateway.process.kill9();
    expect((await fetch(through(lab, 'left'))).status).toBe(200);
    await untilStatus(lab, 'left', 'asleep');
  }, 120_000);
});

/** How many signals an app's workflow has got, over all its runs. */
async function signalsOf(client: Client, name: string): Promise<number> {
  let signals = 0;
  for await (const { runId } of client.workflow.list({ query: `WorkflowId = "app/${name}"` })) {
    const { events } = await client.workflow.getHandle(`app/${name}`, runId).fetchHistory();
    signals += (events ?? []).filter(
      ({ workflowExecutionSignaledEventAttributes: signal }) => signal?.signalName === 'command',
    ).length;
  }
  return signals;
}
