import { createHash } from 'node:crypto';
import type { Log } from '../log.ts';
import type { AppJson } from '../model/api.ts';
import type { App, Store } from '../store/ports.ts';
import { hintedLoop } from './hinted-loop.ts';

/** The one reader of apps' states in this process; streams and followed logs listen to it. */
export interface AppFeed {
  /**
   * Delivers an app as it is now each time it changed, and null when it was removed, until `signal`
   * aborts. `app: null` follows all. With `snapshot` it begins with how they are. States in between
   * may be left out. `spaces` keeps apps that are in one of them: one that leaves them is removed for
   * this follower. Rejects when the database does not answer now.
   */
  follow(follower: {
    app: string | null;
    spaces: readonly string[] | null;
    snapshot: boolean;
    deliver: (name: string, app: AppJson | null) => void;
    signal: AbortSignal;
  }): Promise<void>;
}

interface Follower {
  app: string | null;
  spaces: readonly string[] | null;
  deliver: (name: string, app: AppJson | null) => void;
}

const pageSize = 200;
/** Reading everything again this often is the net under lost notifications. */
const readAllEveryMs = 15_000;

export function appFeed(options: {
  store: Pick<Store, 'apps' | 'routes'>;
  present: (app: App) => AppJson;
  log: Log;
  ending: AbortSignal;
}): AppFeed {
  const { store, present, log, ending } = options;
  const followers = new Set<Follower>();
  const dirty = new Set<string>();
  /** Digest of what is known of each app, so that only changes are delivered. */
  const known = new Map<string, string>();
  /** The space an app was last seen in, also after its removal. */
  const placed = new Map<string, string>();
  let knowsAll = false;
  let allReadAtMs: number | null = null;

  const loop = hintedLoop({
    name: 'app feed',
    log,
    ending,
    async listen(hint, signal) {
      const hear = (name: string | null) => {
        if (name === null) allReadAtMs = null;
        else if (isFollowed(name)) dirty.add(name);
        hint();
      };
      await store.routes.listen(hear, signal);
    },
    async turn() {
      if (allReadAtMs === null || performance.now() - allReadAtMs > readAllEveryMs) {
        const startedAtMs = performance.now();
        await readAll();
        allReadAtMs = startedAtMs;
        return 'news';
      }
      const [name] = dirty;
      if (name === undefined) return 'quiet';
      // Before the read: what changes while it is read makes it dirty again.
      dirty.delete(name);
      tell(name, await store.apps.find(name).catch((error: unknown) => again(name, error)));
      return 'more';
    },
  });

  return {
    async follow({ app, spaces, snapshot, deliver, signal }) {
      const follower: Follower = { app, spaces, deliver };
      const leave = loop.enter();
      const left = () => {
        followers.delete(follower);
        if (leave() > 0) return;
        known.clear();
        placed.clear();
        dirty.clear();
        knowsAll = false;
        allReadAtMs = null;
      };
      followers.add(follower);
      try {
        // First what is known, then the snapshot: a change in between differs from what is known.
        await know(app);
        if (snapshot) await deliverNow(follower);
      } catch (error) {
        left();
        throw error;
      }
      if (signal.aborted) left();
      else signal.addEventListener('abort', left, { once: true });
    },
  };

  function isFollowed(name: string): boolean {
    return [...followers].some(({ app }) => app === null || app === name);
  }

  function again(name: string, error: unknown): never {
    dirty.add(name);
    throw error;
  }

  function tell(name: string, row: App | null): void {
    const app = row === null ? null : present(row);
    const digest = digestOf(app);
    if (known.get(name) === digest) return;
    known.set(name, digest);
    const before = placed.get(name);
    if (app !== null) placed.set(name, app.space);
    for (const follower of followers) {
      if (follower.app !== null && follower.app !== name) continue;
      if (app !== null && sees(follower, app.space)) follower.deliver(name, app);
      else if (before !== undefined && sees(follower, before)) follower.deliver(name, null);
    }
  }

  async function readAll(): Promise<void> {
    const named = new Set([...followers].flatMap(({ app }) => (app === null ? [] : [app])));
    if ([...followers].some(({ app }) => app === null)) {
      const there = new Set<string>();
      for await (const app of everyApp(store)) {
        there.add(app.name);
        tell(app.name, app);
      }
      for (const name of known.keys()) {
        if (there.has(name)) continue;
        tell(name, null);
        if (!named.has(name)) known.delete(name);
      }
      return;
    }
    for (const name of named) tell(name, await store.apps.find(name));
  }

  async function know(name: string | null): Promise<void> {
    const remember = (of: string, app: App | null) => {
      if (app !== null) placed.set(of, app.space);
      if (!known.has(of)) known.set(of, digestOf(app === null ? null : present(app)));
    };
    if (name !== null) {
      if (!known.has(name)) remember(name, await store.apps.find(name));
      return;
    }
    if (knowsAll) return;
    for await (const app of everyApp(store)) remember(app.name, app);
    knowsAll = true;
  }

  async function deliverNow(follower: Follower): Promise<void> {
    const { app: name, deliver } = follower;
    if (name === null) {
      for await (const app of everyApp(store)) {
        if (sees(follower, app.space)) deliver(app.name, present(app));
      }
      return;
    }
    const app = await store.apps.find(name);
    deliver(name, app === null ? null : present(app));
  }
}

function sees({ spaces }: Follower, space: string): boolean {
  return spaces === null || spaces.includes(space);
}

function digestOf(app: AppJson | null): string {
  return app === null ? 'gone' : createHash('sha1').update(JSON.stringify(app)).digest('base64');
}

async function* everyApp(store: Pick<Store, 'apps'>): AsyncGenerator<App> {
  let after = '';
  for (;;) {
    const page = await store.apps.list({ after, limit: pageSize });
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) return;
    after = last.name;
  }
}
