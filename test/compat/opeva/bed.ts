import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { findFreePort } from '../../../src/supervisor/free-port.ts';
import { eventually } from '../../beds/eventually.ts';
import { startLab, type Lab } from '../../beds/lab.ts';

export const patienceMs = 60_000;

export type Json = Record<string, unknown>;

/** One answer of an old client's HTTP library. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  json(): Json;
}

/** A way in as an old client has it: a base URL and nothing else. */
export interface Way {
  base: string;
  get(path: string, headers?: Record<string, string>): Promise<Answer>;
  /** As `requests.post(url, json=…)`; without a body as `requests.post(url)`. */
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  put(path: string, body: unknown): Promise<Answer>;
  send(path: string, init: RequestInit): Promise<Answer>;
  /** Launches, and gives the id. */
  launch(body: unknown): Promise<string>;
  /** Polls the status until its state is so. */
  until(id: string, state: string): Promise<Json>;
}

export interface OpevaWorld {
  lab: Lab;
  root: string;
  own: Way;
  onConsole: Way;
  /** Puts a file into the shared folder, as people and containers do. */
  put(path: string, content: string | Uint8Array): Promise<void>;
  read(path: string): Promise<string>;
  readJson(path: string): Promise<Json>;
  /** Lets a held simulation go on. */
  tell(id: string, word: 'go' | 'on'): Promise<void>;
  close(): Promise<void>;
}

export const simulator = fileURLToPath(new URL('simulator.mjs', import.meta.url));
export const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
export const unique = (): string => randomBytes(4).toString('hex');

/** The whole product with a listener for OPEVA clients; jobs are processes. */
export async function startOpevaWorld(
  settings: Record<string, string> = {},
  prepare: (root: string) => Promise<void> = async () => {},
  address = '127.0.0.1',
): Promise<OpevaWorld> {
  const port = await findFreePort({ wanted: 0, address: '127.0.0.1' });
  let root = '';
  const lab = await startLab(
    async () => ({
      LABKEEPER_LISTEN_OPEVA: `${address}:${port}`,
      LABKEEPER_OPEVA_RUNNER: 'process',
      LABKEEPER_OPEVA_COMMAND_PREFIX: JSON.stringify([process.execPath, simulator]),
      LABKEEPER_OPEVA_CPUS: '0.05',
      LABKEEPER_OPEVA_MEMORY_BYTES: String(96 * 1024 * 1024),
      LABKEEPER_OPEVA_STOP_GRACE_MS: '700',
      LABKEEPER_QUEUE_LOOK_MS: '500',
      ...settings,
    }),
    async (folder) => {
      root = join(folder, 'shared');
      await mkdir(join(root, 'configs'), { recursive: true });
      await prepare(root);
    },
  );
  const place = (path: string) => join(root, path);
  const put = async (path: string, content: string | Uint8Array) => {
    await mkdir(join(place(path), '..'), { recursive: true });
    await writeFile(place(path), content);
  };
  return {
    lab,
    root,
    own: wayTo(`http://127.0.0.1:${port}`),
    onConsole: wayTo(`${lab.consoleUrl}/compat/opeva`),
    put,
    read: (path) => readFile(place(path), 'utf8'),
    readJson: async (path) => JSON.parse(await readFile(place(path), 'utf8')) as Json,
    tell: (id, word) => put(`jobs/${id}/${word}`, ''),
    close: () => lab.close(),
  };
}

export function wayTo(base: string): Way {
  const send = async (path: string, init: RequestInit = {}): Promise<Answer> => {
    const answer = await fetch(`${base}${path}`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(30_000),
      ...init,
    });
    const text = await answer.text();
    const { status, headers } = answer;
    return { status, headers, text, json: () => JSON.parse(text) as Json };
  };
  const json = { 'content-type': 'application/json' };
  const way: Way = {
    base,
    send,
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, body, headers = {}) =>
      send(path, {
        method: 'POST',
        ...(body === undefined
          ? { headers }
          : { headers: { ...json, ...headers }, body: JSON.stringify(body) }),
      }),
    put: (path, body) => send(path, { method: 'PUT', headers: json, body: JSON.stringify(body) }),
    async launch(body) {
      const answer = await way.post('/run-simulation', body);
      expect(answer.status, answer.text).toBe(200);
      return String(answer.json()['job_id']);
    },
    async until(id, state) {
      let last: Json = {};
      await eventually(
        async () => {
          const answer = await way.get(`/status/${id}`);
          last = answer.json();
          expect(last['state'], answer.text).toBe(state);
        },
        { deadlineMs: patienceMs, intervalMs: 50 },
      );
      return last;
    },
  };
  return way;
}
