import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { version } from '../../src/model/version.ts';

it('is the version of package.json', async () => {
  const file = new URL('../../package.json', import.meta.url);
  expect((JSON.parse(await readFile(file, 'utf8')) as { version: string }).version).toBe(version);
});
