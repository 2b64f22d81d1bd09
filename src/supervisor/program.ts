import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The processes that the supervisor starts. */
export type ProcessName = 'worker' | 'api' | 'gateway';

const sources: Readonly<Record<ProcessName, string>> = {
  worker: 'worker.ts',
  api: 'src/api/server.ts',
  gateway: 'src/gateway/server.ts',
};

/** True when this program runs from its sources (`npm run dev`), false when from dist/. */
const runsFromSources = import.meta.url.endsWith('.ts');

/** Folder of package.json, examples and, when built, dist/. */
export const programFolder = findProgramFolder();

/** The argument list that starts a process with this Node, as this program was started itself. */
export function commandOf(name: ProcessName): string[] {
  const flags = ['--enable-source-maps'];
  if (!runsFromSources) return [...flags, join(programFolder, 'dist', `${name}.js`)];
  const tsx = import.meta.resolve('tsx');
  return [...flags, '--import', tsx, join(programFolder, sources[name])];
}

function findProgramFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('cannot find the folder of labkeeper: no package.json');
    folder = parent;
  }
  return folder;
}
