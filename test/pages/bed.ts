import type { AppChange, Mark } from '../../src/store/ports.ts';
import { openApi, type ApiBed } from '../api/bed.ts';

/** A page as a browser asks for it. */
export async function visit(
  bed: ApiBed,
  path: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; html: string; headers: Headers }> {
  const answer = await bed.send('GET', path, { headers: { ...browserHeaders, ...headers } });
  return { status: answer.status, html: await answer.text(), headers: answer.headers };
}

/** A form as a browser sends it. */
export function submit(
  bed: ApiBed,
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return bed.send('POST', path, {
    body: new URLSearchParams(fields).toString(),
    headers: {
      ...browserHeaders,
      'content-type': 'application/x-www-form-urlencoded',
      origin: 'http://127.0.0.1:8090',
      host: '127.0.0.1:8090',
      'sec-fetch-site': 'same-origin',
      ...headers,
    },
  });
}

const browserHeaders = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };

type Phase = 'ready' | 'failed' | 'starting' | 'restarting';

export interface PagesBed extends ApiBed {
  reach(name: string, phase: Phase, more?: AppChange['condition']): Promise<void>;
  /** Takes an app away, as its workflow does at the end of a removal. */
  remove(name: string): Promise<void>;
}

/** The API with a host, and a way to bring apps into a phase as their workflows would. */
export async function openPages(options: Parameters<typeof openApi>[0] = {}): Promise<PagesBed> {
  return withPhases(await openApi(options));
}

/** The same on any bed of the API. */
export async function withPhases<Bed extends ApiBed>(bed: Bed): Promise<Bed & PagesBed> {
  await bed.store.hosts.heartbeat({
    name: 'local',
    agentUrl: 'http://127.0.0.1:1',
    runtimes: [
      { kind: 'process', ready: true, reason: null },
      { kind: 'docker', ready: false, reason: 'no daemon answers at /var/run/docker.sock' },
    ],
    storage: { state: 'ok', freeBytes: 52_428_800_000, totalBytes: 107_374_182_400 },
    cpus: 8,
    memoryBytes: 33_554_432_000,
  });
  return {
    ...bed,
    async reach(name, phase, more = {}) {
      const { life, revision } = await beginLife(bed, name);
      const mark = { life, revision: revision + 1 };
      const isRunning = phase === 'ready';
      await bed.store.apps.advance(name, mark, {
        condition: {
          wanted: 'awake',
          phase,
          generation: 1,
          host: isRunning || phase === 'starting' ? 'local' : null,
          actor: 'visitor',
          why: `GET /app/${name}/`,
          ...more,
        },
        ...(isRunning
          ? { route: { generation: 1, host: 'local', address: '127.0.0.1', port: 40123 } }
          : {}),
        event: { actor: 'visitor', what: phase, why: `GET /app/${name}/` },
      });
    },
    async remove(name) {
      const { life } = await beginLife(bed, name);
      const open = bed.delivered.filter(({ entity }) => entity === `app/${name}`);
      await bed.store.apps.advance(
        name,
        { life, revision: 1 },
        {
          finish: open.map(({ payload }) => ({
            id: payload.operationId ?? '',
            state: 'succeeded',
            detail: 'done',
          })),
        },
      );
      const event = { actor: 'test', what: 'removed', why: 'not needed' };
      const isGone = await bed.store.apps.remove(name, { life, revision: 2 }, { event });
      if (!isGone) throw new Error(`${name} was not removed`);
    },
  };
}

/** The mark of an app whose workflow has just begun. */
async function beginLife({ store }: ApiBed, name: string): Promise<Mark> {
  await store.apps.beginLife(name);
  const app = await store.apps.find(name);
  if (app === null) throw new Error(`there is no app ${name}`);
  return app.mark;
}
