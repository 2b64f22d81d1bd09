import { access, constants, readFile, statfs } from 'node:fs/promises';
import { request } from 'node:http';
import { join, resolve } from 'node:path';
import { endOf, readTls, tlsFiles } from '../../gateway/tls.ts';
import { refusalToBind } from '../../model/bind.ts';
import { choosePorts, wishedPorts } from '../addresses.ts';
import { dataVersion } from '../data-folder.ts';
import { findTemporalCli, temporalCliRemedy } from '../temporal-cli.mjs';
import { findTemporalServer, temporalServerRemedy } from '../temporal-server-programs.mjs';
import { wayOf } from '../temporal-way.ts';
import { check, type Check, type Checkup } from './check.ts';

const leastOpenFiles = 4096;
const GiB = 1024 ** 3;

/** What the machine gives: Node, disk, Docker, limits, ports, and what may be bound. */
export async function checkMachine(checkup: Checkup): Promise<Check[]> {
  return Promise.all([
    checkNode(),
    checkData(checkup),
    checkDisk(checkup),
    checkTemporalProgram(checkup),
    checkDocker(checkup),
    checkLimits(),
    checkPorts(checkup),
    checkBind(checkup),
    checkTls(checkup),
  ]);
}

function checkNode(): Promise<Check> {
  return check('Node', 'install Node 20.19 or newer (https://nodejs.org)', async () => {
    const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
    if (major < 20 || (major === 20 && minor < 19)) {
      throw new Error(`version ${process.versions.node} is too old`);
    }
    return `version ${process.versions.node}`;
  });
}

function checkData({ config }: Checkup): Promise<Check> {
  const path = resolve(config.LABKEEPER_DATA);
  const remedy = 'choose a folder that this user may write, with --data or LABKEEPER_DATA';
  return check('data folder', remedy, async () => {
    const version = await readFile(join(path, 'VERSION'), 'utf8').catch(() => null);
    if (version === null) {
      return { state: 'skipped', detail: `${path} is not there yet`, remedy: 'npm start makes it' };
    }
    await access(path, constants.W_OK);
    const number = Number(version.trim());
    if (number <= dataVersion) return `${path}, version ${number}`;
    return {
      state: 'failed',
      detail: `${path} is newer (version ${number}) than this program (version ${dataVersion})`,
      remedy: 'update labkeeper, or choose another folder',
    };
  });
}

function checkDisk({ config }: Checkup): Promise<Check> {
  return check('disk', 'make the data folder readable', async () => {
    const path = resolve(config.LABKEEPER_DATA);
    const disk = await statfs(path).catch(() => statfs('.'));
    const freeBytes = disk.bavail * disk.bsize;
    const detail = `${(freeBytes / GiB).toFixed(1)} GiB free`;
    const remedy = 'free some space, or move the data folder to a larger disk';
    if (freeBytes < config.LABKEEPER_STORAGE_REFUSE_BYTES)
      return { state: 'failed', detail, remedy };
    if (freeBytes < config.LABKEEPER_STORAGE_WARN_BYTES)
      return { state: 'warning', detail, remedy };
    return detail;
  });
}

/** The program that a start on this data folder would need. */
function checkTemporalProgram({ config, environment }: Checkup): Promise<Check> {
  const elsewhere = environment['TEMPORAL_ADDRESS'];
  const temporal = join(resolve(config.LABKEEPER_DATA), 'temporal');
  if (!elsewhere && wayOf(temporal) === 'production') return checkTemporalServer(environment);
  return check('Temporal CLI', temporalCliRemedy, async () => {
    if (elsewhere) {
      return { state: 'skipped', detail: 'not needed: TEMPORAL_ADDRESS names a server' };
    }
    const found = findTemporalCli(environment);
    if (found === null) throw new Error('not found');
    return found.path;
  });
}

function checkTemporalServer(environment: Checkup['environment']): Promise<Check> {
  return check('Temporal server', temporalServerRemedy, async () => {
    const { programs, missing } = findTemporalServer(environment);
    if (programs === null) throw new Error(`not found: ${missing.join(', ')}`);
    return Object.values(programs)
      .map(({ path }) => path)
      .join(', ');
  });
}

function checkDocker({ config }: Checkup): Promise<Check> {
  const socket = config.LABKEEPER_DOCKER_SOCKET;
  const remedy =
    'install Docker Engine and start it; this user must be allowed to use its socket (group docker)';
  return check('Docker', remedy, async () => {
    if (config.LABKEEPER_DOCKER === 'off')
      return { state: 'skipped', detail: 'LABKEEPER_DOCKER=off' };
    try {
      await pingDocker(socket);
      return `answers on ${socket}`;
    } catch (error) {
      if (config.LABKEEPER_DOCKER === 'on') throw error;
      const detail = `does not answer on ${socket}: apps with an image cannot run, commands can`;
      return { state: 'warning', detail, remedy };
    }
  });
}

function pingDocker(socketPath: string): Promise<void> {
  return new Promise((done, reject) => {
    const ask = request({ socketPath, path: '/_ping', timeout: 3_000 }, (response) => {
      response.resume();
      if (response.statusCode === 200) done();
      else reject(new Error(`${socketPath} answers ${response.statusCode ?? 'nothing'}`));
    });
    ask.once('timeout', () => ask.destroy(new Error(`${socketPath} does not answer`)));
    ask.once('error', reject);
    ask.end();
  });
}

function checkLimits(): Promise<Check> {
  return check('process limits', 'raise the limits of this user', async () => {
    const text = await readFile('/proc/self/limits', 'utf8').catch(() => null);
    if (text === null) return { state: 'skipped', detail: 'not known on this system' };
    const openFiles = limitOf(text, 'Max open files');
    const processes = limitOf(text, 'Max processes');
    const detail = `${openFiles} open files, ${processes} processes`;
    if (openFiles >= leastOpenFiles && processes >= 1024) return detail;
    return {
      state: 'warning',
      detail,
      remedy: `each open tab takes two files: set at least ${leastOpenFiles} (ulimit -n) and 1024 processes (ulimit -u)`,
    };
  });
}

/** The hard limit: Node raises its soft limit of files to it. */
function limitOf(text: string, name: string): number {
  const line = text.split('\n').find((one) => one.startsWith(name)) ?? '';
  const [, hard] = line.slice(name.length).trim().split(/\s+/);
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard ?? 0);
}

function checkPorts({ config, addresses }: Checkup): Promise<Check> {
  return check('ports', 'end what uses them, or choose others by settings', async () => {
    if (addresses !== null) {
      const { console, apps } = addresses.ports;
      return `console on ${console}, apps on ${apps}`;
    }
    const wished = wishedPorts(config);
    const free = await choosePorts(wished, config.LABKEEPER_BIND);
    const busy = (['console', 'apps'] as const).filter(
      (name) => wished[name] !== 0 && wished[name] !== free[name],
    );
    if (busy.length === 0) return `${wished.console} and ${wished.apps} are free`;
    return {
      state: 'warning',
      detail: busy.map((name) => `port ${wished[name]} for ${name} is busy`).join(', '),
      remedy: 'the next free one is taken at the start; or end what uses it',
    };
  });
}

function checkBind({ config }: Checkup): Promise<Check> {
  return check('access', 'set LABKEEPER_BIND=127.0.0.1', async () => {
    const { LABKEEPER_BIND: address, LABKEEPER_AUTHENTICATION: authentication } = config;
    const refused = refusalToBind(address, authentication);
    if (refused !== null) throw new Error(refused);
    return authentication === 'required'
      ? `${address}: people log in`
      : `${address}: only this machine, its one user without login`;
  });
}

function checkTls({ config }: Checkup): Promise<Check> {
  const remedy = 'let LABKEEPER_TLS_CERT_FILE and LABKEEPER_TLS_KEY_FILE name a pair that fits';
  return check('TLS', remedy, async () => {
    const files = tlsFiles(config);
    if (files === null) {
      const detail = 'the gateway speaks plain HTTP';
      return { state: 'skipped', detail, remedy: 'beyond one machine set LABKEEPER_TLS_*_FILE' };
    }
    const { until } = endOf(await readTls(files));
    const leftDays = Math.floor((Date.parse(until) - Date.now()) / dayMs);
    if (leftDays >= renewWithinDays) return `${files.cert}, until ${until}`;
    return {
      state: 'warning',
      detail: `${files.cert} ${leftDays < 0 ? 'has ended' : 'ends'}: ${until}`,
      remedy: 'renew it: gateways take up the new files by themselves',
    };
  });
}

const dayMs = 24 * 60 * 60 * 1000;
const renewWithinDays = 10;
