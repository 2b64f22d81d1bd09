import { randomBytes } from 'node:crypto';
import http from 'node:http';
import { expect } from 'vitest';
import { findFreePort } from '../../../src/supervisor/free-port.ts';
import { startDockerEngine, type DockerEngine } from '../../beds/docker.ts';
import { eventually } from '../../beds/eventually.ts';
import { labImage } from '../../beds/images.ts';
import { startLab, type Lab } from '../../beds/lab.ts';

/** Docker and Temporal take their time on a small or busy machine. */
export const patienceMs = 60_000;

type Json = Record<string, unknown>;

/** One answer, redirects not followed. */
export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  /** The body as JSON; tests say what they expect of it. */
  json(): Json;
}

/** A way in as an old client has it: a base URL and nothing else. */
export interface Way {
  base: string;
  /** The path of it. */
  mount: string;
  ask(path: string, options?: AskOptions): Promise<Answer>;
  /** As `requests.post(url, json=…)`. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Polls the status of an app until it is so; gives what all polls saw. */
  until(id: string, status: string): Promise<string[]>;
}

export interface AskOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export interface QulabsWorld {
  lab: Lab;
  engine: DockerEngine;
  /** The family's own listener, and its place on the console. */
  own: Way;
  onConsole: Way;
  /** A lab image of this tag; `lines` as in a Dockerfile. */
  image(tag: string, lines?: readonly string[]): Promise<string>;
  /** Names of the containers that run or ran for an id. */
  containersOf(id: string): Promise<{ Id: string; State: string }[]>;
  /** The app behind an id, as labkeeper itself shows it. */
  appOf(id: string): Promise<NonNullable<Awaited<ReturnType<Lab['store']['foreignIds']['find']>>>>;
  close(): Promise<void>;
}

/** Ids as real ones are: 24 hex digits. */
export const newId = (): string => randomBytes(12).toString('hex');

/** The whole product with a Docker Engine and a listener for QuLabs clients; durations are short. */
export async function startQulabsWorld(
  settings: Record<string, string> = {},
): Promise<QulabsWorld> {
  const port = await findFreePort({ wanted: 0, address: '127.0.0.1' });
  const engine = await startDockerEngine();
  let lab: Lab;
  try {
    lab = await startLab({
      LABKEEPER_DOCKER: 'on',
      LABKEEPER_DOCKER_SOCKET: engine.socketPath,
      LABKEEPER_LISTEN_QULABS: `127.0.0.1:${port}`,
      LABKEEPER_QULABS_IMAGE_WAIT_MS: '1500',
      LABKEEPER_QULABS_IMAGE_LOOK_MS: '100',
      LABKEEPER_QULABS_READY_MS: '40000',
      LABKEEPER_QULABS_MEMORY_BYTES: String(192 * 1024 * 1024),
      ...settings,
    });
  } catch (error) {
    await engine.stop();
    throw error;
  }
  const appOf: QulabsWorld['appOf'] = async (id) => {
    const found = await lab.store.foreignIds.find('qulabs', id);
    if (found === null) throw new Error(`nobody knows ${id}`);
    return found;
  };
  return {
    lab,
    engine,
    own: wayTo(`http://127.0.0.1:${port}`),
    onConsole: wayTo(`${lab.consoleUrl}/compat/qulabs`),
    image: (tag, lines = []) => labImage(engine.docker, tag, lines),
    async containersOf(id) {
      const { app } = await appOf(id);
      const label = [`labkeeper.entity=app/${app.name}`];
      return engine.docker.listContainers({ all: true, filters: { label } });
    },
    appOf,
    async close() {
      await lab.close();
      await engine.stop();
    },
  };
}

export function wayTo(base: string): Way {
  const way: Way = {
    base,
    mount: new URL(base).pathname.replace(/\/$/, ''),
    ask: (path, options) => ask(`${base}${path}`, options),
    post: (path, body, headers = {}) =>
      ask(`${base}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: '*/*', ...headers },
        body: JSON.stringify(body),
      }),
    async until(id, status) {
      const seen: string[] = [];
      await eventually(
        async () => {
          const answer = await way.ask(`/status/${id}`);
          const { running_status: now } = answer.json() as { running_status: string };
          if (seen.at(-1) !== now) seen.push(now);
          expect(now, answer.text).toBe(status);
        },
        { deadlineMs: patienceMs, intervalMs: 50 },
      );
      return seen;
    },
  };
  return way;
}

/** What Chromium sends when a person opens a page. */
export const navigation = {
  accept: 'text/html,application/xhtml+xml',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
} as const;

export function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const request = http.request(
      url,
      { method, headers: { ...length, ...headers }, agent: false },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('error', reject);
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            text,
            json: () => JSON.parse(text) as Json,
          });
        });
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
