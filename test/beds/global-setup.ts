import type { TestProject } from 'vitest/node';
import { build } from '../../scripts/build.mjs';
import { startPostgresBed } from './postgres.ts';
import { requirePart } from './require.ts';
import { temporalBed } from './temporal-setup.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The run's server; the URL holds the password. Null where the part is missing. */
    postgres: { url: string } | null;
  }
}

/** Starts one real thing for the whole run, hands it to the tests, and gives what ends it. */
type Bed = (project: TestProject) => Promise<() => Promise<void>>;

const postgresBed: Bed = async (project) => {
  if (!requirePart('postgres')) {
    project.provide('postgres', null);
    return async () => undefined;
  }
  const server = await startPostgresBed();
  project.provide('postgres', { url: server.url });
  return server.stop;
};

/** Acceptance tests run the program as users do: built. Nothing is done when it is up to date. */
const programBed: Bed = async () => {
  await build();
  return async () => undefined;
};

const beds: readonly Bed[] = [postgresBed, temporalBed, programBed];

export default async function startBeds(project: TestProject): Promise<() => Promise<void>> {
  const stops = await Promise.all(beds.map((bed) => bed(project)));
  return async () => {
    await Promise.all(stops.map((stop) => stop()));
  };
}
