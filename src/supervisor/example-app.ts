import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

interface Manifest {
  apps: { name: string; workingDirectory?: string }[];
}

/**
 * Registers the example app, once in the life of a data folder: somebody who removed it does not get
 * it back. Gives its address, or null when it is not registered (any more).
 */
export async function ensureExampleApp(options: {
  programFolder: string;
  dataFolder: string;
  apiUrl: string;
  internalToken: string;
}): Promise<{ name: string; url: string } | null> {
  const { programFolder, dataFolder, apiUrl } = options;
  const authorization = `Bearer ${options.internalToken.trim()}`;
  const folder = join(programFolder, 'examples', 'board');
  const text = await readFile(join(folder, 'labkeeper.yaml'), 'utf8').catch(() => null);
  const app = text === null ? undefined : (parse(text) as Manifest).apps[0];
  if (app === undefined) return null;
  const { name, ...spec } = app;
  const address = `${apiUrl}/api/v1/apps/${name}`;
  const marker = join(dataFolder, 'example-registered');
  if (!(await exists(marker))) {
    const registered = await fetch(address, {
      method: 'PUT',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify({ ...spec, workingDirectory: folder }),
      signal: AbortSignal.timeout(10_000),
    });
    if (!registered.ok) {
      throw new Error(`the API answers ${registered.status}: ${await registered.text()}`);
    }
    await writeFile(marker, `${name}\n`);
  }
  const found = await fetch(address, {
    headers: { authorization },
    signal: AbortSignal.timeout(10_000),
  });
  if (!found.ok) return null;
  const { url } = (await found.json()) as { url: string };
  return { name, url };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
