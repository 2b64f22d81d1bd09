import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { appSpecSchema, policyOf } from '../../src/model/app-spec.ts';
import {
  applyEvent,
  idleActor,
  initialAppState,
  type AppEvent,
  type AppState,
  type Command,
} from '../../src/model/app-state.ts';
import { nextStep } from '../../src/model/app-step.ts';

const policy = policyOf(appSpecSchema.parse({ command: ['true'] }));
const pausing = { ...policy, sleepMode: 'pause' as const };
const person = { actor: 'ada', why: 'a visit' };
const crash = { exitCode: 1, signal: null, outOfMemory: false };

function run(state: AppState, events: AppEvent[], nowMs = 0, by = policy): AppState {
  return events.reduce((before, event) => applyEvent(before, event, by, nowMs), state);
}
const command = (verb: Command, needsNewInstance = false): AppEvent => ({
  type: 'commanded',
  command: verb,
  cause: person,
  needsNewInstance,
});
const asleep = initialAppState({ actor: 'ada', why: 'registered' });
const starting = run(asleep, [command('wake'), { type: 'placed', generation: 1, host: 'local' }]);
const ready = run(starting, [{ type: 'becameReady', generation: 1, host: 'local', atMs: 0 }]);
const step = (state: AppState, nowMs = 0, by = policy) => nextStep(state, by, nowMs);

describe('an app', () => {
  it('rests until somebody wishes it awake, then is placed, started and waited for', () => {
    expect(step(asleep)).toEqual({ kind: 'rest' });
    expect(step(run(asleep, [command('wake')]))).toEqual({ kind: 'place', generation: 1 });
    expect(step(starting)).toEqual({ kind: 'start', generation: 1, host: 'local' });
    expect(step(ready)).toEqual({ kind: 'wait', untilMs: policy.idle.disconnectedAfterMs });
  });

  it('carries the trace of a wish until it is ready, and no further', () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const wake: AppEvent = {
      type: 'commanded',
      command: 'wake',
      cause: { ...person, traceparent },
    };
    const placed = run(asleep, [wake, { type: 'placed', generation: 1, host: 'local' }]);
    expect(placed.cause).toEqual({ ...person, traceparent });
    const restarting = run(placed, [
      { type: 'startFailed', generation: 1, exit: crash, reason: 'crash', permanent: false },
    ]);
    expect(restarting.cause).toEqual({ ...person, traceparent });
    const isReady: AppEvent = { type: 'becameReady', generation: 1, host: 'local', atMs: 0 };
    expect(run(placed, [isReady]).cause).toEqual(person);
  });

  it('reads last use when a clock may have ended, and sleeps only if it has', () => {
    const atMs = policy.idle.disconnectedAfterMs;
    expect(step(ready, atMs)).toEqual({ kind: 'readUse', generation: 1 });
    const used = run(
      ready,
      [{ type: 'useRead', sleepInMs: 500, sleepActor: idleActor, sleepCause: 'x' }],
      atMs,
    );
    expect(step(used, atMs)).toEqual({ kind: 'wait', untilMs: atMs + 500 });
    const unused = run(
      ready,
      [{ type: 'useRead', sleepInMs: 0, sleepActor: idleActor, sleepCause: 'unused' }],
      atMs,
    );
    expect(step(unused, atMs)).toMatchObject({ kind: 'closeRoute', mayReopen: true });
    expect(unused.cause).toEqual({ actor: idleActor, why: 'unused' });
  });

  it('stays awake when use reopens its closing route', () => {
    const closing = run(ready, [
      { type: 'useRead', sleepInMs: 0, sleepActor: idleActor, sleepCause: 'unused' },
    ]);
    const reopened = run(closing, [
      { type: 'routeReopened', generation: 1, idleCheckAtMs: 70, cause: person },
    ]);
    expect(step(reopened)).toEqual({ kind: 'wait', untilMs: 70 });
  });

  it('does not let use overrule the stop of a person', () => {
    expect(step(run(ready, [command('sleep')]))).toMatchObject({ mayReopen: false });
  });

  it('adopts the same instance when it is woken while its route closes', () => {
    const woken = run(ready, [command('sleep'), command('wake')]);
    const closed = run(woken, [{ type: 'routeClosed', generation: 1 }]);
    expect(step(closed)).toEqual({ kind: 'start', generation: 1, host: 'local' });
  });

  it('ends the old instance and starts the next when it is woken while it stops', () => {
    const draining = run(ready, [command('sleep'), { type: 'routeClosed', generation: 1 }]);
    const woken = run(draining, [command('wake')]);
    expect(step(woken)).toMatchObject({ kind: 'stop', generation: 1 });
    const stopped = run(woken, [{ type: 'stopped', generation: 1, paused: false }]);
    expect(step(stopped)).toEqual({ kind: 'place', generation: 2 });
  });

  it('undoes a start that is not wanted any more', () => {
    expect(step(run(starting, [command('sleep')]))).toMatchObject({ kind: 'stop', generation: 1 });
    const removed = run(starting, [command('remove')]);
    expect(step(removed)).toMatchObject({ kind: 'stop', generation: 1, pause: false });
    expect(step(run(removed, [{ type: 'stopped', generation: 1, paused: false }]))).toEqual({
      kind: 'remove',
      host: 'local',
    });
  });

  it('waits longer before each restart after a crash, and gives up when the budget is spent', () => {
    let state = ready;
    const waits: number[] = [];
    for (let generation = 1; generation <= policy.restart.maxRestarts; generation += 1) {
      state = run(state, [{ type: 'exited', generation, exit: crash }]);
      if (state.serving.phase === 'restarting') waits.push(state.serving.restartAtMs);
      state = run(state, [
        { type: 'placed', generation: generation + 1, host: 'local' },
        { type: 'becameReady', generation: generation + 1, host: 'local', atMs: 0 },
      ]);
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    state = run(state, [{ type: 'exited', generation: 6, exit: crash }]);
    expect(state.serving).toMatchObject({
      phase: 'failed',
      exit: crash,
      reason: 'exited with code 1; gave up after 5 restarts',
    });
    expect(step(state)).toEqual({ kind: 'rest' });
    expect(step(run(state, [command('wake')]))).toMatchObject({ kind: 'place' });
  });

  it('forgets crashes that are older than the window of the budget', () => {
    let state = ready;
    for (let generation = 1; generation <= 20; generation += 1) {
      const nowMs = generation * policy.restart.windowMs;
      state = run(state, [{ type: 'exited', generation, exit: crash }], nowMs);
      expect(state.serving).toMatchObject({ phase: 'restarting', restartAtMs: nowMs + 1_000 });
      state = run(state, [
        { type: 'placed', generation: generation + 1, host: 'local' },
        { type: 'becameReady', generation: generation + 1, host: 'local', atMs: nowMs },
      ]);
    }
  });

  it('does not restart what can never start', () => {
    const failed = run(starting, [
      { type: 'startFailed', generation: 1, exit: null, reason: 'no such image', permanent: true },
    ]);
    expect(step(failed)).toEqual({ kind: 'rest' });
    expect(failed.serving).toMatchObject({ phase: 'failed', reason: 'no such image' });
  });

  it('thaws the same generation after a pause, unless it must be renewed', () => {
    const frozen = run(
      ready,
      [
        command('sleep'),
        { type: 'routeClosed', generation: 1 },
        { type: 'stopped', generation: 1, paused: true },
      ],
      0,
      pausing,
    );
    expect(step(frozen, 0, pausing)).toEqual({ kind: 'rest' });
    expect(step(run(frozen, [command('wake')]), 0, pausing)).toMatchObject({ generation: 1 });
    const replaced = run(frozen, [command('replace', true), command('wake')], 0, pausing);
    expect(step(replaced, 0, pausing)).toMatchObject({ kind: 'stop', generation: 1, pause: false });
    const discarded = run(replaced, [{ type: 'stopped', generation: 1, paused: false }]);
    expect(step(discarded, 0, pausing)).toEqual({ kind: 'place', generation: 2 });
  });

  it('replaces the running instance only when the new definition needs it', () => {
    expect(step(run(ready, [command('replace')]))).toMatchObject({ kind: 'wait' });
    expect(step(run(ready, [command('replace', true)]))).toMatchObject({ kind: 'closeRoute' });
  });

  it('lives on when it is registered again while it is removed', () => {
    const revived = run(ready, [command('remove'), command('replace')]);
    expect(revived.wanted).toBe('asleep');
  });

  it('ignores every command but a registration once it is to be removed', () => {
    const gone = run(asleep, [command('remove'), command('wake')]);
    expect(step(gone)).toEqual({ kind: 'remove', host: null });
  });
});

describe('any sequence of facts', () => {
  const generation = fc.integer({ min: 1, max: 4 });
  const event: fc.Arbitrary<AppEvent> = fc.oneof(
    fc.record({
      type: fc.constant('commanded' as const),
      command: fc.constantFrom<Command>('wake', 'sleep', 'restart', 'replace', 'remove'),
      cause: fc.constant(person),
      needsNewInstance: fc.boolean(),
    }),
    fc.record({
      type: fc.constant('exited' as const),
      generation,
      exit: fc.constant(crash),
    }),
    fc.record({
      type: fc.constant('useRead' as const),
      sleepInMs: fc.constantFrom(null, 0, 100),
      sleepActor: fc.constant(idleActor),
      sleepCause: fc.constant('unused'),
    }),
  );

  /** Carries out a step as a world that always works would. */
  function carryOut(state: AppState, nowMs: number): AppState {
    const doing = nextStep(state, policy, nowMs);
    switch (doing.kind) {
      case 'place':
        return run(state, [{ type: 'placed', generation: doing.generation, host: 'local' }], nowMs);
      case 'start':
        return run(
          state,
          [{ type: 'becameReady', generation: doing.generation, host: 'local', atMs: nowMs }],
          nowMs,
        );
      case 'readUse':
        return run(
          state,
          [{ type: 'useRead', sleepInMs: 100, sleepActor: idleActor, sleepCause: 'used' }],
          nowMs,
        );
      case 'closeRoute':
        return run(state, [{ type: 'routeClosed', generation: doing.generation }], nowMs);
      case 'stop':
        return run(
          state,
          [{ type: 'stopped', generation: doing.generation, paused: doing.pause }],
          nowMs,
        );
      case 'wait':
      case 'rest':
      case 'remove':
        return state;
    }
  }

  it('ends where the last wish points, within a bounded number of steps', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        let state = initialAppState(person);
        let nowMs = 0;
        for (const fact of events) {
          state = applyEvent(state, fact, policy, nowMs);
          nowMs += 10;
          state = carryOut(state, nowMs);
        }
        nowMs += policy.restart.maxDelayMs;
        for (let steps = 0; steps < 12; steps += 1) state = carryOut(state, nowMs);
        const settled = nextStep(state, policy, nowMs).kind;
        if (state.wanted === 'gone') expect(settled).toBe('remove');
        else if (state.wanted === 'asleep') expect(settled).toBe('rest');
        else expect(['ready', 'failed']).toContain(state.serving.phase);
      }),
      { seed: 20261123, numRuns: 2_000 },
    );
  });

  it('never gives one generation to two starts after it ended', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        let state = initialAppState(person);
        const over = new Set<number>();
        for (const [index, fact] of events.entries()) {
          state = applyEvent(state, fact, policy, index);
          const doing = nextStep(state, policy, index);
          if (doing.kind === 'place') expect(over.has(doing.generation)).toBe(false);
          if (doing.kind === 'stop') over.add(doing.generation);
          state = carryOut(state, index);
        }
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });
});
