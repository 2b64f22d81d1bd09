import { appEntity, instanceName } from '../../model/names.ts';
import type { UsageJson } from '../../model/api.ts';
import type { MemoryRing } from '../../model/memory-ring.ts';
import { may, type Caller } from '../../model/roles.ts';
import type { AppSecretJson } from '../../model/secret-api.ts';
import type { App, AppHistory, AppRoute, Operation, UseStore } from '../../store/ports.ts';
import type { AppLogs } from '../app-log-source.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { appSecretJson } from '../present-secrets.ts';
import { readTimeline, type TimelinePage } from './timeline.tsx';

/** What could be read, or why it could not: a host that is silent must not hide the whole page. */
type Reading<Value> = { value: Value } | { trouble: string };

/** Everything the page of an app shows beside its row. */
export interface AppFacts {
  timeline: TimelinePage;
  operation: Operation | null;
  route: AppRoute | null;
  use: Awaited<ReturnType<UseStore['read']>>;
  usage: Reading<UsageJson | null>;
  /** Null for those who may not read it. */
  log: Reading<string> | null;
  secrets: AppSecretJson[];
  history: ShownHistory;
}

/** Which series of memory is shown. */
export type MemorySpan = 'day' | 'month';

type ShownHistory = AppHistory & {
  span: MemorySpan;
  /** Time that the memory covers, and that one point of it stands for. */
  spanMs: number;
  stepMs: number;
};

const tailBytes = 12 * 1024;
const shownDays = 30;
const shownWakes = 20;
/** Hosts are asked while a person waits for the page. */
const hostWithinMs = 1_500;

export async function readAppFacts(
  { store, settings }: Pick<ApiDependencies, 'store' | 'settings'>,
  logs: AppLogs,
  app: App,
  asked: {
    before: string | undefined;
    operation: Operation | null;
    caller: Caller;
    span: MemorySpan;
  },
): Promise<AppFacts> {
  const instance = instanceName(app.name, app.condition.generation);
  const mayRead = may(asked.caller, 'app.read-output', app);
  const [timeline, route, use, usage, log, secrets, history] = await Promise.all([
    readTimeline(store.events, { entity: appEntity(app.name), before: asked.before }),
    store.routes.find(app.name),
    store.use.read(app.name),
    attempt((signal) => logs.usage(app, signal)),
    mayRead
      ? attempt(async (signal) => {
          const { bytes } = await logs.read(app, app.condition.generation, { tailBytes }, signal);
          return new TextDecoder().decode(bytes);
        })
      : null,
    store.secrets.ofApp(app.name, instance).then((found) => found.map(appSecretJson)),
    readHistory(store, settings.memoryRing, app.name, asked.span),
  ]);
  return { timeline, operation: asked.operation, route, use, usage, log, secrets, history };
}

/** The same series as `/usage/history` answers. */
async function readHistory(
  { history }: Pick<ApiDependencies['store'], 'history'>,
  ring: MemoryRing,
  name: string,
  span: MemorySpan,
): Promise<ShownHistory> {
  const step = span === 'day' ? 'fine' : 'coarse';
  const { stepMs, slots } = ring[step];
  const found = await history.read(name, { days: shownDays, wakes: shownWakes, step, ring });
  return { ...found, span, stepMs, spanMs: stepMs * slots };
}

async function attempt<Value>(
  read: (signal: AbortSignal) => Promise<Value>,
): Promise<Reading<Value>> {
  const signal = AbortSignal.timeout(hostWithinMs);
  try {
    return { value: await read(signal) };
  } catch (error) {
    if (signal.aborted) return { trouble: `the host did not answer within ${hostWithinMs} ms` };
    return { trouble: error instanceof Error ? error.message : String(error) };
  }
}
