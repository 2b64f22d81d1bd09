// Gets ready what a fresh clone lacks: packages, the built program, the Temporal CLI or server. Needs
// nothing but Node; safe to interrupt anywhere and to repeat. Usage: node scripts/setup.mjs [--production]
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '..');
const leastNode = [20, 19];

/**
 * Does what is missing and says so. Rejects with one sentence that names the remedy.
 * @param {{
 *   temporal: 'required' | 'optional' | 'none',
 *   temporalServer?: 'required' | 'optional' | 'none',
 *   built?: boolean,
 * }} options the Temporal CLI, and the server of the production set-up: what is missing is told and
 *   survived when optional; `built` false leaves dist/ alone
 */
export async function setup({ temporal, temporalServer = 'none', built = true }) {
  refuseOldNode();
  const began = performance.now();
  const { findTemporalCli, temporalCliVersion } =
    await import('../src/supervisor/temporal-cli.mjs');
  const { findTemporalServer } = await import('../src/supervisor/temporal-server-programs.mjs');
  const packagesMissing = !(await packagesAreCurrent());
  const temporalMissing = temporal !== 'none' && findTemporalCli(process.env) === null;
  const serverMissing =
    temporalServer !== 'none' && findTemporalServer(process.env).missing.length > 0;
  const plan = [
    ...(packagesMissing ? ['install packages (npm ci, about 1 min)'] : []),
    ...(temporalMissing
      ? [`get the Temporal CLI ${temporalCliVersion} (download, or about 4 min to build with Go)`]
      : []),
    ...(serverMissing ? ['build the Temporal server with Go (about 3 min)'] : []),
    ...(built && !existsSync(join(root, 'dist')) ? ['build the program (about 10 s)'] : []),
  ];
  if (plan.length > 0) console.log(`Setting up: ${plan.join('; ')}.`);
  await oneAtATime(async () => {
    const packages = packagesMissing && !(await packagesAreCurrent()) ? installPackages() : null;
    // One after the other: each build takes all cores and a lot of memory.
    const engines = (async () => {
      if (temporalMissing) await getTemporalCli(temporal);
      if (serverMissing) await getTemporalServer(temporalServer);
    })();
    // It is awaited below; until then a failure must not end the process.
    engines.catch(() => undefined);
    await packages;
    if (built) await buildProgram();
    await engines;
  });
  if (plan.length > 0) console.log(`Set up in ${seconds(began)}.`);
}

function refuseOldNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1])) return;
  throw new Error(
    `labkeeper needs Node ${leastNode.join('.')} or newer, and this is ${process.versions.node}: install a newer one (https://nodejs.org)`,
  );
}

/** npm writes its hidden lock file last, so an interrupted install never looks current. */
async function packagesAreCurrent() {
  const wanted = await readJson(join(root, 'package-lock.json'));
  const installed = await readJson(join(root, 'node_modules', '.package-lock.json'));
  if (!installed) return false;
  return Object.entries(wanted.packages).every(([path, { version, optional }]) => {
    const there = installed.packages[path];
    return path === '' || (there ? there.version === version : optional === true);
  });
}

async function installPackages() {
  const began = performance.now();
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const { exitCode, output } = await run(npm, args, {
    sayEvery: () => console.log(`  … installing packages (${seconds(began)})`),
  });
  if (exitCode !== 0) {
    throw new Error(
      `npm ci failed: check the network and the registry (\`npm config get registry\`), then repeat.\n${output}`,
    );
  }
  console.log(`  packages installed in ${seconds(began)}`);
}

async function buildProgram() {
  const began = performance.now();
  const { build } = await import('./build.mjs');
  if (await build()) console.log(`  program built in ${seconds(began)}`);
}

async function getTemporalCli(need) {
  const began = performance.now();
  const { installTemporalCli } = await import('./temporal-cli-install.mjs');
  try {
    const { how } = await installTemporalCli({ say: (line) => console.log(`  ${line}`) });
    console.log(`  Temporal CLI ${how} in ${seconds(began)}`);
  } catch (error) {
    if (need === 'required') throw error;
    console.log(`  part missing: temporal: ${error.message}`);
  }
}

async function getTemporalServer(need) {
  const began = performance.now();
  const { installTemporalServer } = await import('./temporal-server-install.mjs');
  try {
    await installTemporalServer({ say: (line) => console.log(`  ${line}`) });
    console.log(`  Temporal server built in ${seconds(began)}`);
  } catch (error) {
    if (need === 'required') throw error;
    console.log(`  part missing: temporal-server: ${error.message}`);
  }
}

/**
 * What has to be there to run Temporal the way that the command line asks for; nothing when the
 * settings name one that runs elsewhere.
 * @param {readonly string[]} args
 * @returns {{ temporal: 'required' | 'none', temporalServer: 'required' | 'none' }}
 */
export function engineOf(args) {
  if (process.env.TEMPORAL_ADDRESS) return { temporal: 'none', temporalServer: 'none' };
  return args.includes('--production')
    ? { temporal: 'none', temporalServer: 'required' }
    : { temporal: 'required', temporalServer: 'none' };
}

/** Two set-ups in one clone would spoil each other's folders: the second waits. */
async function oneAtATime(work) {
  const lock = join(root, '.labkeeper', 'setup.lock');
  await mkdir(join(root, '.labkeeper'), { recursive: true });
  for (let told = false; ;) {
    try {
      await writeFile(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(await readFile(lock, 'utf8').catch(() => ''));
    if (holder === 0 || !isRunning(holder)) {
      await rm(lock, { force: true });
    } else {
      if (!told) console.log(`Another set-up (process ${holder}) is at work here; waiting for it.`);
      told = true;
      await pause(200);
    }
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

/** Output is kept for a failure; `sayEvery` shows every ten seconds that something goes on. */
function run(command, args, { sayEvery }) {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    const keep = (chunk) => {
      output = (output + chunk).slice(0, 2000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const beat = setInterval(() => sayEvery(), 10_000);
    child.once('error', reject);
    child.once('close', (exitCode) => {
      clearInterval(beat);
      done({ exitCode, output });
    });
  });
}

async function readJson(path) {
  const text = await readFile(path, 'utf8').catch(() => null);
  return text === null ? null : JSON.parse(text);
}

function isRunning(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function seconds(began) {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`;
}

function pause(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await setup(engineOf(process.argv)).then(
    () => console.log('Everything is set up.'),
    (error) => {
      console.error(error.message);
      process.exitCode = 1;
    },
  );
}
