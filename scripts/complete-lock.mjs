// Adds to package-lock.json the optional packages of other platforms that npm left out because the
// registry at hand lacked them: without their entries `npm ci` refuses the whole file. To be run after
// `npm install` when test/tooling/packages.test.ts says so.
import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const file = join(import.meta.dirname, '..', 'package-lock.json');
const lock = JSON.parse(await readFile(file, 'utf8'));

for (const { name, version, dev } of missingOptionals(lock.packages)) {
  console.log(`adding ${name}@${version}`);
  const wanted = ['os', 'cpu', 'libc', 'license', 'engines'];
  // Of whatever version the registry has: the platform of a package does not change.
  const text = execFileSync('npm', ['view', name, ...wanted, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const { os, cpu, libc, license, engines } = JSON.parse(text);
  lock.packages[`node_modules/${name}`] = {
    version,
    ...(cpu ? { cpu: [cpu].flat() } : {}),
    ...(dev ? { dev } : {}),
    ...(libc ? { libc: [libc].flat() } : {}),
    license,
    optional: true,
    ...(os ? { os: [os].flat() } : {}),
    engines,
  };
}
const entries = Object.entries(lock.packages);
entries.sort(([one], [other]) => one.localeCompare(other, 'en'));
lock.packages = Object.fromEntries(entries);
await writeFile(file, `${JSON.stringify(lock, null, 2)}\n`);

/** Optional dependencies without an entry anywhere above the package that names them. */
function missingOptionals(packages) {
  return Object.entries(packages).flatMap(([path, { optionalDependencies = {}, dev }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !foldersAbove(path).some((folder) => packages[`${folder}${name}`]))
      .map(([name, version]) => ({ name, version, dev })),
  );
}

/** `node_modules/a/node_modules/b` finds packages in its own folder, in a's, and in the top one. */
function foldersAbove(path) {
  const folders = ['node_modules/'];
  for (let end = path.indexOf('node_modules/'); path !== '' && end >= 0;) {
    const next = path.indexOf('/node_modules/', end + 1);
    folders.push(`${next < 0 ? path : path.slice(0, next)}/node_modules/`);
    end = next < 0 ? -1 : next + 1;
  }
  return folders;
}
