import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

describe('a part that is missing', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'labkeeper-parts-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const ask = (required: string) =>
    spawnSync(
      process.execPath,
      [
        ...['--import', 'tsx', '--input-type=module', '-e'],
        `import { requirePart } from ${JSON.stringify(join(root, 'test/beds/require.ts'))};
         console.log(requirePart('registry'));`,
      ],
      { cwd: root, encoding: 'utf8', env: { PATH: folder, LABKEEPER_REQUIRE: required } },
    );

  it('is told by name with its remedy, and its tests are left out', () => {
    const { stdout, stderr } = ask('');
    expect(stderr).toBe('part missing: registry (apt-get install docker-registry)\n');
    expect(stdout).toBe('false\n');
  });

  it.each(['all', 'chromium, registry'])('fails under LABKEEPER_REQUIRE=%s', (required) => {
    expect(ask(required).stderr).toContain('Error: part missing: registry');
  });

  it('is not missing when it is there', () => {
    writeFileSync(join(folder, 'docker-registry'), '');
    expect(ask('all').stdout).toBe('true\n');
  });
});
