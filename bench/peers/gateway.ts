import { once } from 'node:events';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { signedPurposes } from '../../src/model/access.ts';
import { signedText } from '../../src/signed-text.ts';
import { fakeRoutes } from '../../test/fakes/routes.ts';
import { freePort, startOn, untilListening } from '../measure.ts';

export interface Proxy {
  pid: number;
  port: number;
  /** Where the app `plot` is found through it. */
  path: string;
  /** Header lines that each request needs. */
  headers?: string[];
}

/**
 * The gateway as it is shipped (bundled, primary and workers), on one core. It serves from a snapshot of
 * routes: no request may need the database, and here none is there.
 */
export async function startGateway(
  core: number | string,
  appPort: number,
  options: { workers?: number; starting?: boolean; peopleLogIn?: boolean } = {},
): Promise<Proxy> {
  const root = join(import.meta.dirname, '../..');
  const outdir = join(root, 'node_modules/.cache/labkeeper-bench');
  await build({
    absWorkingDir: root,
    entryPoints: ['src/gateway/server.ts'],
    outdir,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    splitting: true,
    outExtension: { '.js': '.mjs' },
    logLevel: 'error',
  });
  const data = await mkdtemp(join(tmpdir(), 'labkeeper-bench-'));
  await mkdir(join(data, 'run'));
  const store = fakeRoutes();
  store.add('plot');
  if (options.starting === true) store.change('plot', { wanted: 'awake', phase: 'starting' });
  else store.publish('plot', appPort);
  await writeFile(join(data, 'run/gateway-routes.json'), JSON.stringify([store.row('plot')]));
  const port = await freePort();
  const login = options.peopleLogIn === true ? await whereOneIsLoggedIn(data) : null;
  const child = startOn(core as number, [process.execPath, join(outdir, 'server.mjs')], {
    PATH: process.env['PATH'],
    LABKEEPER_DATA: data,
    LABKEEPER_APPS_PORT: String(port),
    LABKEEPER_CONSOLE_PORT: '0',
    LABKEEPER_GATEWAY_METRICS_PORT: '0',
    LABKEEPER_GATEWAY_WORKERS: String(options.workers ?? 1),
    LABKEEPER_DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
    LABKEEPER_LOG_LEVEL: 'info',
    LABKEEPER_DRAIN_MS: '500',
    ...login?.settings,
  });
  let text = '';
  while (!text.includes('"msg":"ready"')) {
    const [chunk] = (await once(child.stdout!, 'data')) as [Buffer];
    text += chunk.toString();
  }
  child.stdout!.resume();
  await untilListening(port);
  return { pid: child.pid!, port, path: '/app/plot/', headers: login?.headers ?? [] };
}

/** A cookie as the gateway makes it, and an API that finds it good: asked once a minute, as everywhere. */
async function whereOneIsLoggedIn(data: string) {
  const secret = 'a-secret-of-this-bench';
  const file = join(data, 'internal-token');
  await writeFile(file, secret);
  const api = http.createServer((request, response) => {
    request.resume();
    const opening = { verdict: 'open', person: 'ada', role: 'user', endsAt: null };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ openings: [opening] }));
  });
  api.listen(0, '127.0.0.1').unref();
  await once(api, 'listening');
  const { port } = api.address() as { port: number };
  const value = { app: 'plot', proof: { kind: 'person', person: 'ada' }, role: 'user' };
  const cookie = signedText({ secret, purpose: signedPurposes.cookie }).sign(
    value,
    Date.now() + 86_400_000,
  );
  return {
    headers: [`Cookie: labkeeper_app=${cookie}`],
    settings: {
      LABKEEPER_AUTHENTICATION: 'required',
      LABKEEPER_INTERNAL_TOKEN_FILE: file,
      LABKEEPER_API_URL: `http://127.0.0.1:${port}`,
    },
  };
}
