import { randomUUID } from 'node:crypto';
import { appSpecSchema, type AppSpecInput } from '../../src/model/app-spec.ts';
import type { Command } from '../../src/model/app-state.ts';
import { instanceName } from '../../src/model/names.ts';
import type { App, AppChange, AppStore, Mark, Operation, Store } from '../../src/store/ports.ts';

/** A registration with everything filled in but what the test is about. */
export function registration(
  name: string,
  given: { spec?: AppSpecInput; operationId?: string; actor?: string; space?: string } = {},
): Parameters<AppStore['register']>[0] {
  return {
    name,
    space: given.space ?? 'default',
    owner: 'ana',
    spec: appSpecSchema.parse({ command: ['serve', '{port}'], ...given.spec }),
    actor: given.actor ?? 'ana',
    operationId: given.operationId ?? randomUUID(),
  };
}

let names = 0;

/** A registered app under a name that no other test of the file has, and its life begun. */
export async function startedApp(store: Store): Promise<{ name: string; mark: () => Mark }> {
  names += 1;
  const name = `app-${names}`;
  await store.apps.register(registration(name));
  const app = await store.apps.beginLife(name);
  let revision = 0;
  return {
    name,
    mark: () => {
      revision += 1;
      return { life: app?.mark.life ?? 0, revision };
    },
  };
}

export function command(
  store: Store,
  name: string,
  verb: Command,
  operationId: string = randomUUID(),
): Promise<Operation> {
  const cause = { actor: 'ben', why: 'a test asked' };
  return store.apps.command({ name, verb, cause, operationId });
}

/** What the step that makes an app ready writes. */
export function readyChange(name: string, generation: number): AppChange {
  return {
    condition: { wanted: 'awake', phase: 'ready', generation, host: 'local' },
    route: { generation, host: 'local', address: '127.0.0.1', port: 9000 + generation },
    intent: {
      instance: instanceName(name, generation),
      generation,
      host: 'local',
      wanted: 'present',
    },
  };
}

export async function existing(store: Store, name: string): Promise<App> {
  const app = await store.apps.find(name);
  if (app === null) throw new Error(`no app ${name}`);
  return app;
}
