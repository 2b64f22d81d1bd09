// Gets the Temporal server, its SQL tool and its Web UI into the user's cache folder. Needs nothing
// but Node, and Go.
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isProgram, versionSaidBy } from '../src/supervisor/temporal-cli.mjs';
import {
  temporalServerCache,
  temporalServerPrograms,
  temporalServerRemedy,
  temporalServerRoles,
} from '../src/supervisor/temporal-server-programs.mjs';
import { goInstall } from './go-install.mjs';

/** Each shares most of its packages with the one before it. */
const efforts = { server: 'about 2 min', sqlTool: 'about 10 s', uiServer: 'about 30 s' };

/**
 * Builds what the cache folder lacks of the three; each appears there whole or not at all. Rejects
 * with the ways to have them.
 * @param {{
 *   say: (line: string) => void,
 *   environment?: Readonly<Record<string, string | undefined>>,
 * }} options
 */
export async function installTemporalServer({ say, environment = process.env }) {
  const folder = temporalServerCache(environment);
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, '.new-'));
  try {
    for (const role of temporalServerRoles) {
      const { name, package: from, version } = temporalServerPrograms[role];
      const path = join(folder, name);
      if (isProgram(path)) continue;
      const into = join(work, name);
      await mkdir(into);
      const program = await goInstall({
        ...{ say, environment, into, what: name, effort: efforts[role] },
        package: `${from}@v${version}`,
      });
      await chmod(program, 0o755);
      const said = versionSaidBy(program);
      if (said !== version) throw new Error(`${name} says version ${said} instead of ${version}`);
      await rename(program, path);
    }
  } catch (error) {
    throw new Error(
      `no Temporal server (${error.message}). Ways to have one: ${temporalServerRemedy}`,
      {
        cause: error,
      },
    );
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
