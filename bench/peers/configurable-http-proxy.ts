import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort, startOn, untilListening } from '../measure.ts';
import type { Proxy } from './gateway.ts';

const version = '5.3.0';

/** JupyterHub's proxy; installed once, outside the tree. */
export async function startConfigurableHttpProxy(core: number, appPort: number): Promise<Proxy> {
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'labkeeper', 'bench', `configurable-http-proxy-${version}`);
  const program = join(folder, 'node_modules/.bin/configurable-http-proxy');
  if (!existsSync(program)) {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    const wanted = `configurable-http-proxy@${version}`;
    await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', wanted], {
      cwd: folder,
    });
  }
  const [port, apiPort] = [await freePort(), await freePort()];
  const child = startOn(core, [
    process.execPath,
    program,
    '--ip=127.0.0.1',
    `--port=${port}`,
    '--api-ip=127.0.0.1',
    `--api-port=${apiPort}`,
    `--default-target=http://127.0.0.1:${appPort}`,
    '--log-level=error',
  ]);
  await untilListening(port);
  return { pid: child.pid!, port, path: '/' };
}
