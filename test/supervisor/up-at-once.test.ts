import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import {
  endLeftovers,
  knownAddresses,
  startDeadlineMs,
  startUp,
  untilReady,
  upSettings,
  type Up,
} from './up-bed.ts';

describe.runIf(requirePart('temporal') && requirePart('postgres'))(
  'three data folders that are started on one machine at once',
  () => {
    let folders: string[];
    let ups: Up[];
    beforeAll(async () => {
      folders = await Promise.all(
        [1, 2, 3].map(() => mkdtemp(join(tmpdir(), 'labkeeper-at-once-'))),
      );
      await Promise.all(folders.map((folder) => chmod(folder, 0o755)));
      ups = folders.map((folder) => startUp(upSettings(folder), '--no-example'));
      await Promise.all(ups.map(untilReady));
    }, startDeadlineMs);
    afterAll(async () => {
      for (const { child } of ups) child.kill('SIGTERM');
      await Promise.all(ups.map(({ ended }) => ended));
      await Promise.all(folders.map(endLeftovers));
      await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
    }, startDeadlineMs);

    it('have an engine of their own each', async () => {
      const all = await Promise.all(folders.map(knownAddresses));
      expect(new Set(all.map(({ temporalAddress }) => temporalAddress)).size).toBe(3);
      expect(new Set(all.map(({ databaseUrl }) => databaseUrl)).size).toBe(3);
      for (const { output } of ups) expect(output()).not.toContain('died');
    });
  },
);
