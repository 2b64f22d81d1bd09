import { afterAll, beforeAll, describe } from 'vitest';
import { requirePart } from '../../beds/require.ts';
import { startOpevaWorld, type OpevaWorld, type Way } from './bed.ts';
import { conventions } from './contract/conventions.ts';
import { launching } from './contract/launching.ts';
import { reading } from './contract/reading.ts';
import { sharedData } from './contract/shared-data.ts';
import { stopping } from './contract/stopping.ts';

/** Titles begin with the section of the contract whose line they are. */
describe.runIf(requirePart('temporal') && requirePart('postgres'))(
  'OPEVA clients',
  { timeout: 120_000 },
  () => {
    let world: OpevaWorld;
    beforeAll(async () => {
      world = await startOpevaWorld();
    }, 180_000);
    afterAll(() => world?.close(), 90_000);

    const ways: [string, () => Way][] = [
      ['on their own listener', () => world.own],
      ['below the console', () => world.onConsole],
    ];
    describe.each(ways)('%s', (_name, way) => {
      const given = () => ({ world, way: way() });
      conventions(given);
      launching(given);
      reading(given);
      stopping(given);
      sharedData(given);
    });
  },
);
