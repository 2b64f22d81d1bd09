// Builds dist/: the program bundled by process, migrations and the workflow bundle. Skipped when
// nothing changed. Usage: node scripts/build.mjs [--force]
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');

/** What a process starts with, by the name it has in dist/. */
const entries = {
  worker: 'worker.ts',
  api: 'src/api/server.ts',
  gateway: 'src/gateway/server.ts',
  cli: 'src/cli/main.ts',
  prepare: 'src/supervisor/prepare.ts',
};

/**
 * Brings dist/ up to date. Made beside and renamed, so an interruption leaves the old one or none,
 * never half of one.
 * @param {{ force?: boolean }} [options]
 * @returns {Promise<boolean>} false when it was up to date
 */
export async function build({ force = false } = {}) {
  const hash = await hashOfSources();
  if (!force && (await readText(join(dist, 'sources.sha256'))) === hash) return false;
  const fresh = `${dist}.new-${process.pid}`;
  const old = `${dist}.old-${process.pid}`;
  await removeLeftovers();
  await mkdir(fresh, { recursive: true });
  await Promise.all([bundleProgram(fresh), bundleWorkflows(fresh)]);
  await cp(join(root, 'src/store/postgres/migrations'), join(fresh, 'migrations'), {
    recursive: true,
  });
  await writeFile(join(fresh, 'sources.sha256'), hash);
  await rename(dist, old).catch((error) => {
    if (error.code !== 'ENOENT') throw error;
  });
  await rename(fresh, dist);
  await rm(old, { recursive: true, force: true });
  return true;
}

async function bundleProgram(outdir) {
  const esbuild = await import('esbuild');
  const building = esbuild.build({
    absWorkingDir: root,
    entryPoints: Object.entries(entries).map(([out, path]) => ({ in: path, out })),
    outdir,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    splitting: true,
    chunkNames: 'chunk-[hash]',
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
  });
  // Its process would stay beside `npm start` for as long as that runs.
  try {
    await building;
  } finally {
    await esbuild.stop();
  }
  await makeExecutable(join(outdir, 'cli.js'));
}

/** The command line is started by its name; the source map knows of the added line. */
async function makeExecutable(path) {
  await writeFile(path, `#!/usr/bin/env node\n${await readFile(path, 'utf8')}`);
  await chmod(path, 0o755);
  const map = JSON.parse(await readFile(`${path}.map`, 'utf8'));
  await writeFile(`${path}.map`, JSON.stringify({ ...map, mappings: `;${map.mappings}` }));
}

async function bundleWorkflows(outdir) {
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'src/workflows/index.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  await writeFile(join(outdir, 'workflows.js'), code);
}

/** Of everything the result depends on. */
async function hashOfSources() {
  const hash = createHash('sha256');
  const files = (await readdir(join(root, 'src'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const others = ['worker.ts', 'tsconfig.json', 'package-lock.json', 'scripts/build.mjs'];
  for (const path of [...files, ...others.map((name) => join(root, name))]) {
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(await readFile(path))
      .update('\0');
  }
  return hash.digest('hex');
}

async function removeLeftovers() {
  for (const name of await readdir(root)) {
    const pid = /^dist\.(?:new|old)-(\d+)$/.exec(name)?.[1];
    if (pid && !isRunning(Number(pid)))
      await rm(join(root, name), { recursive: true, force: true });
  }
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

async function readText(path) {
  return readFile(path, 'utf8').catch(() => null);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const began = performance.now();
  const built = await build({ force: process.argv.includes('--force') });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(built ? `built dist/ in ${seconds} s` : 'dist/ is up to date');
}
