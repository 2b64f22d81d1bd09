import { appSpecSchema, type AppSpecInput } from '../../src/model/app-spec.ts';
import type { AppCondition } from '../../src/model/app-view.ts';
import type { AccessStore } from '../../src/store/people-ports.ts';
import type {
  Acknowledgement,
  AppRoute,
  RouteStore,
  UseReport,
  UseStore,
} from '../../src/store/ports.ts';

/**
 * Routes and use in memory, as strict as the database: words count only while a route closes under
 * their id, and a gateway that was not seen cannot report. `down` makes every call fail.
 */
export interface FakeRoutes {
  routes: RouteStore;
  use: UseStore;
  /** Nobody's access ever changes here. */
  access: AccessStore;
  /** Registers an app, asleep. */
  add(app: string, spec?: Partial<AppSpecInput>, aliases?: AppRoute['aliases']): void;
  change(app: string, condition: Partial<AppCondition>): void;
  /** Publishes a route and makes the app ready. */
  publish(app: string, port: number, generation?: number): void;
  /** Takes the route away and lets the app sleep. */
  unpublish(app: string, condition?: Partial<AppCondition>): void;
  /** What a start found out about the app. */
  learn(app: string, learned: AppRoute['learned']): void;
  remove(app: string): void;
  /** Calls fail until it is set back; notifications are lost. */
  down: boolean;
  /** Changes are not told: only a read finds them. */
  mute: boolean;
  calls: Record<string, number>;
  reports: (UseReport & { gateway: string })[];
  words: (Acknowledgement & { app: string; closeId: string })[];
  gateways: Map<string, { listener: string; host: string }>;
  row(app: string): AppRoute;
}

export function fakeRoutes(): FakeRoutes {
  const rows = new Map<string, AppRoute>();
  const listeners = new Set<(app: string | null) => void>();
  const latest = new Map<string, UseReport & { gateway: string }>();

  const called = (name: string) => {
    fake.calls[name] = (fake.calls[name] ?? 0) + 1;
    if (fake.down) throw new Error('the database does not answer');
  };
  const tell = (app: string) => {
    if (fake.down || fake.mute) return;
    for (const listener of listeners) queueMicrotask(() => listener(app));
  };
  const row = (app: string) => {
    const found = rows.get(app);
    if (found === undefined) throw new Error(`there is no app named ${app}`);
    return found;
  };
  const set = (route: AppRoute) => {
    rows.set(route.app, structuredClone(route));
    tell(route.app);
  };
  const closingUnder = (app: string, closeId: string) => {
    const route = rows.get(app);
    return route?.target?.state === 'closing' && route.closeId === closeId ? route : null;
  };

  const fake: FakeRoutes = {
    down: false,
    mute: false,
    calls: {},
    reports: [],
    words: [],
    gateways: new Map(),
    row,
    add(app, spec = {}, aliases = []) {
      set({
        app,
        title: spec.title ?? null,
        spec: appSpecSchema.parse({ command: ['serve'], ...spec }),
        learned: null,
        aliases,
        condition: asleep,
        target: null,
        closeId: null,
      });
    },
    change(app, condition) {
      const route = row(app);
      set({ ...route, condition: { ...route.condition, ...condition } });
    },
    publish(app, port, generation = 1) {
      const route = row(app);
      set({
        ...route,
        condition: {
          ...route.condition,
          wanted: 'awake',
          phase: 'ready',
          generation,
          host: 'local',
        },
        target: { generation, address: '127.0.0.1', port, state: 'open' },
        closeId: null,
      });
    },
    unpublish(app, condition = { wanted: 'asleep', phase: 'none' }) {
      const route = row(app);
      set({
        ...route,
        condition: { ...route.condition, ...condition },
        target: null,
        closeId: null,
      });
    },
    learn(app, learned) {
      set({ ...row(app), learned });
    },
    remove(app) {
      rows.delete(app);
      tell(app);
    },
    routes: {
      async all() {
        called('all');
        return structuredClone([...rows.values()]);
      },
      async find(app) {
        called('find');
        return structuredClone(rows.get(app) ?? null);
      },
      async findAlias(family, externalId) {
        called('findAlias');
        const isIt = (alias: AppRoute['aliases'][number]) =>
          alias.family === family && alias.id === externalId;
        return structuredClone([...rows.values()].find((one) => one.aliases.some(isIt)) ?? null);
      },
      async listen(onChange, signal) {
        listeners.add(onChange);
        onChange(null);
        await new Promise<void>((resolve) => {
          if (signal.aborted) resolve();
          signal.addEventListener('abort', () => resolve(), { once: true });
        });
        listeners.delete(onChange);
      },
      async beginClosing(app, generation, closeId) {
        called('beginClosing');
        const route = rows.get(app);
        if (route?.target?.generation !== generation) return false;
        set({ ...route, target: { ...route.target, state: 'closing' }, closeId });
        return true;
      },
      async acknowledge(app, closeId, word) {
        called('acknowledge');
        if (!fake.gateways.has(word.gateway) || closingUnder(app, closeId) === null) return;
        fake.words.push({ ...word, app, closeId });
      },
      async reopen(app, closeId) {
        called('reopen');
        const route = closingUnder(app, closeId);
        if (route?.target) {
          set({ ...route, target: { ...route.target, state: 'open' }, closeId: null });
        }
        return (rows.get(app)?.target ?? null) !== null;
      },
      async closingProgress(app, closeId) {
        called('closingProgress');
        const route = rows.get(app);
        if (route === undefined || route.target === null) {
          return { state: 'gone', words: [], silent: [] };
        }
        const words = fake.words.filter((word) => word.app === app && word.closeId === closeId);
        const said = new Set(words.map((word) => word.gateway));
        const silent = [...fake.gateways.keys()].filter((gateway) => !said.has(gateway));
        return {
          state: route.closeId === closeId ? 'closing' : 'open',
          words: words.map(({ app: _app, closeId: _closeId, ...word }) => word),
          silent: silent.map((gateway) => ({ gateway, seenAgoMs: 0 })),
        };
      },
      async finishClosing(app, closeId) {
        called('finishClosing');
        const route = closingUnder(app, closeId);
        if (route !== null) set({ ...route, target: null, closeId: null });
        return (rows.get(app)?.target ?? null) === null;
      },
      async gatewaySeen({ id, ...gateway }) {
        called('gatewaySeen');
        fake.gateways.set(id, gateway);
      },
      async gatewayGone(id) {
        called('gatewayGone');
        fake.gateways.delete(id);
      },
      async dropGateways(listener, exceptIds) {
        called('dropGateways');
        for (const [id, gateway] of fake.gateways) {
          if (gateway.listener === listener && !exceptIds.includes(id)) fake.gateways.delete(id);
        }
      },
    },
    access: {
      listen: (_onChange, signal) =>
        new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
      standings: async () => [],
    },
    use: {
      async report(gateway, reports) {
        called('report');
        if (!fake.gateways.has(gateway)) throw new Error(`gateway ${gateway} was never seen`);
        for (const report of reports) {
          fake.reports.push({ ...report, gateway });
          latest.set(report.app, { ...report, gateway });
        }
      },
      async touch(app) {
        called('touch');
        return rows.has(app);
      },
      async read(app) {
        called('read');
        const report = latest.get(app);
        if (!rows.has(app)) return null;
        return {
          idleMs: report?.lastUseAgoMs ?? 0,
          disconnectedMs: report === undefined ? null : 0,
          awakeMs: 0,
          inFlight: report?.inFlight ?? 0,
          openSockets: report?.openSockets ?? 0,
          reason: report?.reason ?? null,
        };
      },
    },
  };
  return fake;
}

const asleep: AppCondition = {
  wanted: 'asleep',
  phase: 'none',
  generation: 0,
  host: null,
  since: '2026-01-02T03:04:05.000Z',
  actor: 'labkeeper',
  why: 'registered',
  detail: null,
  restartAt: null,
  sleepsAt: null,
  exit: null,
  lastLogLines: [],
};
