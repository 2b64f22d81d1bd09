import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { requirePart } from '../beds/require.ts';

const root = join(import.meta.dirname, '..', '..');
const units = ['labkeeper.service', 'labkeeper@.service'] as const;
const textOf = (unit: string) => readFile(join(root, 'deploy', 'systemd', unit), 'utf8');

/** Values of a key, over all its lines. */
function valuesOf(text: string, key: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));
}

describe.runIf(requirePart('systemd'))('the units for systemd', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-units-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(units)('%s is understood by systemd, every line of it', async (unit) => {
    // Where Node lies is the machine's; that the program is there is a matter of installing it.
    const text = (await textOf(unit)).replaceAll('/usr/bin/node', process.execPath);
    const file = join(folder, unit.replace('@', '@gateway'));
    await writeFile(file, text);
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', file], {
      encoding: 'utf8',
    });
    const complaints = stderr
      .split('\n')
      .filter((line) => line.includes('labkeeper'))
      // What only newer ones know, and says so in the unit.
      .filter((line) => !line.includes('DelegateSubgroup'));
    expect(complaints).toEqual([]);
    expect(status, stderr).toBe(0);
  });
});

describe('the unit for boot', () => {
  let text: string;
  beforeAll(async () => {
    text = await textOf('labkeeper.service');
  });

  it('starts what is built, in production, with settings that exist', async () => {
    const [command = ''] = valuesOf(text, 'ExecStart');
    expect(command).toContain('/opt/labkeeper/dist/cli.js up --production');
    expect(await readFile(join(root, 'scripts', 'build.mjs'), 'utf8')).toContain('  cli: ');
    const settings = valuesOf(text, 'Environment').flatMap((line) => line.split(' '));
    const pairs = settings.map((pair) => pair.split('=') as [string, string]);
    expect(() => loadConfig(Object.fromEntries(pairs))).not.toThrow();
  });

  it('leaves apps alone when it ends, and when one of them runs out of memory', () => {
    expect(valuesOf(text, 'KillMode')).toEqual(['process']);
    expect(valuesOf(text, 'OOMPolicy')).toEqual(['continue']);
  });

  it('takes nothing from apps that they may need', () => {
    // Graphics cards, sandboxes of browsers, compilers at run time, work in people's homes.
    const taken = [
      ...['PrivateDevices', 'DeviceAllow', 'ProtectClock', 'RestrictNamespaces', 'PrivateTmp'],
      ...['MemoryDenyWriteExecute', 'SystemCallFilter', 'ProtectHome', 'ProtectControlGroups'],
      ...['MemoryMax', 'PrivateUsers', 'PrivateNetwork', 'RestrictAddressFamilies'],
    ];
    for (const key of taken) expect(valuesOf(text, key), key).toEqual([]);
  });

  it('is not root, and has no secret in it', () => {
    expect(valuesOf(text, 'User')).toEqual(['labkeeper']);
    expect(text).not.toMatch(/(PASSWORD|TOKEN|KEY|SECRET)=/);
  });
});

describe('the unit for one more gateway or API', () => {
  it('starts what its own settings name, of what is built', async () => {
    const text = await textOf('labkeeper@.service');
    const [command = ''] = valuesOf(text, 'ExecStart');
    expect(command).toContain('/opt/labkeeper/dist/${PROGRAM}.js');
    expect(valuesOf(text, 'EnvironmentFile').at(-1)).toBe('/etc/labkeeper/%i.env');
    const built = await readFile(join(root, 'scripts', 'build.mjs'), 'utf8');
    for (const name of ['gateway', 'api']) expect(built).toContain(`  ${name}: '`);
  });
});
