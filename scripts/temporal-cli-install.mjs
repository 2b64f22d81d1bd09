// Gets the Temporal CLI into the user's cache folder. Needs nothing but Node.
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goInstall } from './go-install.mjs';
import {
  cacheFolder,
  isNewEnough,
  temporalCliRemedy,
  temporalCliVersion as version,
} from '../src/supervisor/temporal-cli.mjs';

const officialReleases = 'https://github.com/temporalio/cli/releases/download';
const megabyte = 1024 * 1024;
/** An archive outside of these sizes is some other answer, of a proxy perhaps. */
const archiveBytes = { least: 10 * megabyte, most: 300 * megabyte };

/**
 * Downloads the pinned release, or builds it where Go is installed, into the cache folder. The
 * program appears there whole or not at all. Rejects with the five ways to have one.
 * @param {{
 *   say: (line: string) => void,
 *   environment?: Readonly<Record<string, string | undefined>>,
 *   releases?: string,
 *   leastArchiveBytes?: number,
 * }} options
 * @returns {Promise<{ path: string, how: 'downloaded' | 'built' }>}
 */
export async function installTemporalCli(options) {
  const { say, environment = process.env } = options;
  const folder = join(cacheFolder(environment), 'bin');
  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, '.new-'));
  const path = join(folder, 'temporal');
  const failures = [];
  try {
    for (const [how, get] of [
      ['downloaded', download],
      ['built', buildWithGo],
    ]) {
      try {
        const program = await get({ ...options, environment, work });
        await chmod(program, 0o755);
        if (!isNewEnough(program)) throw new Error(`${program} does not say a server version`);
        await rename(program, path);
        return { path, how };
      } catch (error) {
        failures.push(`not ${how}: ${error.message}`);
        say(`Temporal CLI ${failures.at(-1)}`);
      }
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  throw new Error(
    `no Temporal CLI (${failures.join('; ')}). Ways to have one: ${temporalCliRemedy}`,
  );
}

async function download({ work, releases = officialReleases, leastArchiveBytes, say }) {
  const system = { linux: 'linux', darwin: 'darwin' }[process.platform];
  const machine = { x64: 'amd64', arm64: 'arm64' }[process.arch];
  if (!system || !machine) throw new Error(`no release for ${process.platform} ${process.arch}`);
  const name = `temporal_cli_${version}_${system}_${machine}.tar.gz`;
  const checksums = await fetchBytes(`${releases}/v${version}/checksums.txt`, 10_000, megabyte);
  const wanted = checksums
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(([, file]) => file === name)?.[0];
  if (!wanted) throw new Error(`the release lists no ${name}`);
  say(`downloading ${name}`);
  const archive = await fetchBytes(`${releases}/v${version}/${name}`, 300_000, archiveBytes.most);
  if (archive.length < (leastArchiveBytes ?? archiveBytes.least)) {
    throw new Error(`${name} has only ${archive.length} bytes`);
  }
  const sum = createHash('sha256').update(archive).digest('hex');
  if (sum !== wanted) throw new Error(`${name} does not have the checksum of the release`);
  await writeFile(join(work, name), archive);
  const unpacked = spawnSync('tar', ['-xzf', name, 'temporal'], { cwd: work, encoding: 'utf8' });
  if (unpacked.status !== 0) throw new Error(`tar cannot unpack ${name}: ${unpacked.stderr}`);
  return join(work, 'temporal');
}

async function fetchBytes(url, timeoutMs, maxBytes) {
  const signal = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, { signal }).catch((error) => {
    throw new Error(`cannot reach ${new URL(url).host} (${error.cause?.code ?? error.name})`);
  });
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  const chunks = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`${url} has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function buildWithGo({ work, say, environment }) {
  return goInstall({
    ...{
      say,
      environment,
      into: work,
      what: 'the Temporal CLI',
      effort: 'about 4 min, 2 GB of memory',
    },
    package: `github.com/temporalio/cli/cmd/temporal@v${version}`,
  });
}
