import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { appSpecSchema } from '../../src/model/app-spec.ts';
import type { DeploymentPlan } from '../../src/model/deployment.ts';
import type { DeploymentStore } from '../../src/store/deployment-ports.ts';
import { openTestStore } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { command, existing, readyChange, registration } from './registration.ts';

const cause = { actor: 'pipeline', why: 'registered x' };

describe.runIf(requirePart('postgres'))('deployments', () => {
  let bed: Awaited<ReturnType<typeof openTestStore>>;
  beforeAll(async () => {
    bed = await openTestStore();
  });
  afterAll(() => bed.close());

  function plan(changes: DeploymentPlan['changes'] = {}): DeploymentPlan {
    const image = changes.image ?? 'lab:latest';
    return {
      ...{ image, leftover: null, imageLookEveryMs: 10, imageWaitMs: 100, readyWithinMs: 1000 },
      changes: { image, port: 8501, ...changes },
      foreign: { family: 'old', record: { image } },
    };
  }

  function accept(
    externalId: string,
    given: { plan?: DeploymentPlan; names?: string[]; operationId?: string } = {},
  ): ReturnType<DeploymentStore['accept']> {
    const { plan: wanted = plan(), names = [`lab-${externalId}`] } = given;
    return bed.store.deployments.accept({
      foreign: { family: 'old', externalId, names },
      initial: appSpecSchema.parse({ ...wanted.changes, title: externalId }),
      plan: wanted,
      ...{ space: 'default', owner: 'pipeline', cause },
      operationId: given.operationId ?? randomUUID(),
    });
  }
  const find = (externalId: string) => bed.store.foreignIds.find('old', externalId);

  it('register what is new under a free name, with its id, and leave word for both workflows', async () => {
    const { store } = bed;
    await store.apps.register(registration('taken'));
    const { deployment, operations } = await accept('A.1', { names: ['taken', 'free'] });
    expect(deployment).toMatchObject({ app: 'free', operation: { state: 'accepted' } });
    expect(operations.map(({ entity }) => entity)).toEqual(['app/free', 'deployment/free']);
    expect(await store.outbox.claim(deployment.operation.id)).toMatchObject({
      entity: 'deployment/free',
      payload: { command: 'deploy' },
    });
    expect(await find('A.1')).toMatchObject({
      externalId: 'A.1',
      record: { image: 'lab:latest' },
      app: { name: 'free', spec: { title: 'A.1' } },
      serves: false,
      deployment: { operation: { state: 'accepted' } },
    });
    expect(await store.routes.findAlias('old', 'A.1')).toMatchObject({
      app: 'free',
      aliases: [{ family: 'old', id: 'A.1' }],
    });
    expect(await store.deployments.listOpen()).toContain('free');
  });

  it('join the same plan that is under way, however many ask at once', async () => {
    const many = await Promise.all(Array.from({ length: 8 }, () => accept('many')));
    expect(new Set(many.map(({ deployment }) => deployment.operation.id)).size).toBe(1);
    expect(many.filter(({ joined }) => !joined)).toHaveLength(1);
  });

  it('overtake another plan that is under way, whose waiters are told', async () => {
    const { deployment: first } = await accept('moves');
    const { deployment: second } = await accept('moves', { plan: plan({ image: 'lab:2' }) });
    const { operation } = (await bed.store.deployments.find(first.operation.id)) ?? {};
    expect(operation).toMatchObject({ state: 'failed', detail: /overtaken/ });
    expect((await bed.store.deployments.findOpen('lab-moves'))?.operation.id).toBe(
      second.operation.id,
    );
  });

  it('change the definition when they are applied, and nothing that a person set beside', async () => {
    const { store } = bed;
    const { deployment } = await accept('applied');
    await store.apps.register(
      registration('lab-applied', {
        spec: { command: undefined, image: 'lab:old', port: 1, preset: 'gradio' },
      }),
    );
    const applied = await store.deployments.apply(deployment.operation.id);
    expect(applied?.operation).toMatchObject({ verb: 'replace', state: 'accepted' });
    expect((await existing(store, 'lab-applied')).spec).toMatchObject({
      ...{ image: 'lab:latest', port: 8501, preset: 'gradio' },
    });
    // As after the death of a worker: the same answer again.
    expect(await store.deployments.apply(deployment.operation.id)).toMatchObject({
      operation: { id: applied?.operation?.id },
    });
  });

  it('change nothing for a definition that is as it was', async () => {
    const { deployment } = await accept('same');
    await bed.store.deployments.finish(deployment.operation.id, done);
    const { deployment: again } = await accept('same');
    expect(again.operation.id).not.toBe(deployment.operation.id);
    expect(await bed.store.deployments.apply(again.operation.id)).toMatchObject({
      operation: null,
    });
  });

  it('end once, with an event of the app', async () => {
    const { store } = bed;
    const { deployment } = await accept('ends');
    const { id } = deployment.operation;
    const failed = {
      state: 'failed',
      detail: 'no such image',
      failure: 'image_not_found',
    } as const;
    await store.deployments.finish(id, failed);
    await store.deployments.finish(id, done);
    expect(await find('ends')).toMatchObject({
      deployment: { failure: 'image_not_found', operation: { detail: 'no such image' } },
    });
    const [event] = await store.events.list({ entity: 'app/lab-ends', limit: 1 });
    expect(event).toMatchObject({ what: 'deployment failed', why: 'no such image' });
  });

  it('are canceled once, and their workflow is told although it was told before', async () => {
    const { store } = bed;
    const { deployment } = await accept('canceled');
    const told = await store.outbox.claim(deployment.operation.id);
    await store.outbox.delivered(told?.id ?? '');
    const canceled = await store.deployments.cancel('lab-canceled', { actor: 'ana', why: 'gone' });
    expect(canceled).toMatchObject({ state: 'failed', detail: 'canceled: gone by ana' });
    expect(await store.outbox.claim(deployment.operation.id)).toMatchObject({ attempts: 0 });
    expect(await store.deployments.cancel('lab-canceled', cause)).toBeNull();
    expect(await store.deployments.apply(deployment.operation.id)).toBeNull();
  });

  it('bring back an app that is being removed, and do not touch one that goes', async () => {
    const { store } = bed;
    const { deployment } = await accept('back');
    await command(store, 'lab-back', 'remove');
    expect(await store.deployments.apply(deployment.operation.id)).toBeNull();
    const { operations } = await accept('back', { plan: plan({ image: 'lab:2' }) });
    expect(operations.map(({ verb }) => verb)).toEqual(['replace', 'deploy']);
    expect((await existing(store, 'lab-back')).spec.image).toBe('lab:2');
  });

  it('go with their app, whose id is free again', async () => {
    const { store } = bed;
    await accept('leaves');
    const begun = await store.apps.beginLife('lab-leaves');
    await store.deployments.cancel('lab-leaves', cause);
    await command(store, 'lab-leaves', 'remove');
    await store.apps.remove('lab-leaves', { life: begun?.mark.life ?? 0, revision: 1 }, {});
    expect(await find('leaves')).toBeNull();
    expect(await store.routes.findAlias('old', 'leaves')).toBeNull();
    expect((await accept('leaves')).joined).toBe(false);
  });

  it('refuse a port of the host that another app has, and say whose it is', async () => {
    await accept('holder', { plan: plan({ hostPort: 8506 }) });
    await expect(accept('late', { plan: plan({ hostPort: 8506 }) })).rejects.toMatchObject({
      type: 'conflict',
      details: { port: 8506, takenBy: 'holder' },
    });
    await accept('holder', { plan: plan({ hostPort: 8506, image: 'lab:2' }) });
    expect(await find('late')).toBeNull();
  });

  it('are listed by id in the order of its bytes, with whether the app serves', async () => {
    const { store } = bed;
    for (const id of ['list-b', 'list-B', 'list-a']) {
      await accept(id, { names: [`n-${randomUUID().slice(0, 8)}`] });
    }
    const listed = await store.foreignIds.list({ family: 'old', after: 'list', limit: 3 });
    expect(listed.map(({ externalId }) => externalId)).toEqual(['list-B', 'list-a', 'list-b']);
    const { name } = listed[0]?.app ?? { name: '' };
    const begun = await store.apps.beginLife(name);
    const mark = { life: begun?.mark.life ?? 0, revision: 1 };
    await store.apps.advance(name, mark, readyChange(name, 1));
    expect(await find('list-B')).toMatchObject({ serves: true });
    expect(await store.foreignIds.list({ family: 'other', limit: 9 })).toEqual([]);
  });
});

const done = { state: 'succeeded', detail: 'ready', failure: null } as const;
