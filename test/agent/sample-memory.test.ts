import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { AgentPorts } from '../../src/agent/ports.ts';
import { sampleMemory } from '../../src/agent/sample-memory.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { workerMetrics } from '../../src/metrics/worker-metrics.ts';
import { memoryRing } from '../../src/model/memory-ring.ts';
import type { Containers, Instance } from '../../src/runtime/containers.ts';
import type { MemorySample } from '../../src/store/ports.ts';
import { eventually } from '../beds/eventually.ts';

type Fact = {
  name: string;
  phase: Instance['phase'];
  entity?: string;
  bytes: number | null | Error;
};

/** The loop on a host whose runtime and store are made up; what they do for real is tested with them. */
function begin(facts: { runs: Fact[]; listFails?: boolean; storeFails?: boolean }) {
  const batches: (readonly MemorySample[])[] = [];
  const state = { ...facts, rounds: 0 };
  const runtime = {
    kind: 'process',
    list: async () => {
      state.rounds += 1;
      if (state.listFails) throw new Error('the engine is away');
      return state.runs.map(({ name, phase, entity }) => ({
        name,
        phase,
        labels: entity === undefined ? {} : { 'labkeeper.entity': entity },
      }));
    },
    memory: async (name: string) => {
      const { bytes } = state.runs.find((one) => one.name === name) ?? { bytes: null };
      if (bytes instanceof Error) throw bytes;
      return bytes;
    },
  } as unknown as Containers;
  const metrics = createMetrics(workerMetrics);
  const ending = new AbortController();
  const run = sampleMemory(
    {
      host: 'local',
      runtimes: { process: runtime },
      memory: memoryRing(5, 10),
      metrics,
      log: pino({ level: 'silent' }),
      store: {
        history: {
          reportMemory: async (samples: readonly MemorySample[]) => {
            if (state.storeFails) throw new Error('the database is away');
            if (samples.length > 0) batches.push(samples);
          },
        },
      },
    } as unknown as AgentPorts,
    ending.signal,
  );
  return {
    state,
    batches,
    used: () => metrics.numbers()['labkeeper_agent_memory_bytes'],
    end: async () => {
      ending.abort();
      await run;
    },
  };
}

describe('memory samples of a host', () => {
  it('are one batch a round, of what runs and belongs to an app', async () => {
    const { batches, used, end } = begin({
      runs: [
        { name: 'app-a-1', phase: 'running', entity: 'app/a', bytes: 100 },
        { name: 'app-b-7', phase: 'running', entity: 'app/b', bytes: 250 },
        { name: 'app-c-1', phase: 'paused', entity: 'app/c', bytes: 900 },
        { name: 'app-d-1', phase: 'exited', entity: 'app/d', bytes: 900 },
        { name: 'odd', phase: 'running', bytes: 900 },
        { name: 'app-e-1', phase: 'running', entity: 'app/e', bytes: null },
        { name: 'app-f-1', phase: 'running', entity: 'app/f', bytes: new Error('it just ended') },
      ],
    });
    await eventually(() => expect(batches.length).toBeGreaterThan(1));
    expect(batches[0]?.toSorted((left, right) => left.app.localeCompare(right.app))).toEqual([
      { app: 'a', memoryBytes: 100 },
      { app: 'b', memoryBytes: 250 },
    ]);
    expect(used()).toBe(350);
    await end();
  });

  it('are not written while everything sleeps', async () => {
    const { state, batches, used, end } = begin({
      runs: [{ name: 'app-a-1', phase: 'paused', entity: 'app/a', bytes: 5 }],
    });
    await eventually(() => expect(state.rounds).toBeGreaterThan(3));
    expect(batches).toEqual([]);
    expect(used()).toBe(0);
    await end();
  });

  it('go on after an engine or a database was away', async () => {
    const { state, batches, end } = begin({
      runs: [{ name: 'app-a-1', phase: 'running', entity: 'app/a', bytes: 5 }],
      listFails: true,
      storeFails: true,
    });
    await eventually(() => expect(state.rounds).toBeGreaterThan(2));
    state.listFails = false;
    const before = state.rounds;
    await eventually(() => expect(state.rounds).toBeGreaterThan(before + 1));
    expect(batches).toEqual([]);
    state.storeFails = false;
    await eventually(() => expect(batches.length).toBeGreaterThan(0));
    await end();
  });
});
