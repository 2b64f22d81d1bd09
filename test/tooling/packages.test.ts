import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');

interface LockEntry {
  version?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}
const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, LockEntry>;
};

describe('the lock file', () => {
  it('names every optional package, so that `npm ci` takes it on every platform', () => {
    const names = new Set(
      Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 13)),
    );
    const missing = Object.values(lock.packages)
      .flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies))
      .filter((name) => !names.has(name));
    expect(missing, 'mend it by `node scripts/complete-lock.mjs`').toEqual([]);
  });

  it('has every Temporal package at one version', () => {
    const versions = Object.entries(lock.packages)
      .filter(([path]) => /node_modules\/@temporalio\/[^/]+$/.test(path))
      .map(([, { version }]) => version);
    expect([...new Set(versions)]).toHaveLength(1);
  });

  it('gives all Temporal packages the one copy of protobufjs that replay needs', () => {
    const ours = createRequire(import.meta.url).resolve('protobufjs');
    for (const name of ['client', 'common', 'worker', 'proto', 'activity', 'workflow']) {
      const from = createRequire(join(root, 'node_modules', '@temporalio', name, 'package.json'));
      expect(from.resolve('protobufjs'), name).toBe(ours);
    }
  });
});
