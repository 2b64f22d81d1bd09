// Builds a program of a Go module at a pinned version. Needs nothing but Node and Go.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

/**
 * Builds `package` (with its @version) into the folder `into` and gives the path of the program,
 * which Go names after the package's folder. Rejects with the last words of Go.
 * @param {{
 *   package: string,
 *   into: string,
 *   what: string,
 *   effort: string,
 *   say: (line: string) => void,
 *   environment: Readonly<Record<string, string | undefined>>,
 * }} options `what` is built, `effort` says how long it takes
 * @returns {Promise<string>}
 */
export async function goInstall(options) {
  const { into, what, effort, say, environment } = options;
  if (spawnSync('go', ['version'], { env: environment }).error) throw new Error('no Go on PATH');
  say(`building ${what} with Go: ${effort}`);
  const began = performance.now();
  let packages = 0;
  let last = '';
  const child = spawn('go', ['install', '-v', options.package], {
    env: { ...environment, GOBIN: into },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.on('data', (chunk) => {
    packages += String(chunk).split('\n').length - 1;
    last = (last + String(chunk)).slice(-1000);
  });
  const beat = setInterval(() => {
    const seconds = Math.round((performance.now() - began) / 1000);
    say(`… building ${what}: ${packages} packages, ${seconds} s`);
  }, 10_000);
  const exitCode = await new Promise((done, reject) => {
    child.once('error', reject);
    child.once('close', done);
  }).finally(() => clearInterval(beat));
  if (exitCode !== 0) throw new Error(`go install failed: ${last.trim()}`);
  const folder = options.package.replace(/@.*$/, '').split('/').at(-1);
  return join(into, folder);
}
