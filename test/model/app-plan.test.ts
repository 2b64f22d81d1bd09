import { describe, expect, it } from 'vitest';
import { planOf } from '../../src/model/app-plan.ts';
import {
  appSpecSchema,
  needsNewInstance,
  type AppSpec,
  type AppSpecInput,
} from '../../src/model/app-spec.ts';

const spec = (more: Partial<AppSpecInput> = {}): AppSpec =>
  appSpecSchema.parse({ command: ['serve', '{port}'], ...more });
const awake = { wanted: 'awake', phase: 'ready' } as const;
const asleep = { wanted: 'asleep', phase: 'none' } as const;
const plan = (condition: typeof awake | typeof asleep, more: Partial<AppSpecInput>) =>
  planOf('plot', { spec: spec({ environment: { A: '1', B: '2' } }), condition }, spec(more));

describe('the plan of a registration', () => {
  it('says of a new app that it will sleep', () => {
    expect(planOf('plot', null, spec())).toEqual({
      effect: 'created',
      changes: [],
      explanation: 'plot is new: it is registered, and sleeps until somebody opens it.',
    });
  });

  it('says of a new app that is always on that it starts', () => {
    expect(planOf('plot', null, spec({ alwaysOn: true })).explanation).toBe(
      'plot is new: it is registered, and starts at once, since it is always on.',
    );
  });

  it('says that what does not run is started when it is always on from now', () => {
    const explanation =
      'plot is not running: it starts with the new definition, since it is always on.';
    expect(plan(asleep, { port: 80, alwaysOn: true })).toMatchObject({
      effect: 'next wake',
      explanation,
    });
    const kept = { environment: { A: '1', B: '2' } };
    expect(plan(asleep, { ...kept, alwaysOn: true })).toMatchObject({
      effect: 'at once',
      explanation,
    });
  });

  it('says that the same definition changes nothing', () => {
    const same = plan(awake, { environment: { B: '2', A: '1' } });
    expect(same).toEqual({
      effect: 'nothing',
      changes: [],
      explanation: 'plot has this definition already.',
    });
  });

  it('names every leaf that changes, with what it was and what it will be', () => {
    const { changes } = plan(awake, {
      title: 'Plot',
      environment: { A: '1', B: '3', C: '4' },
      limits: { cpus: 2 },
      command: ['serve', '{port}', '--fast'],
    });
    expect(changes).toEqual([
      { path: 'command', before: ['serve', '{port}'], after: ['serve', '{port}', '--fast'] },
      { path: 'environment.B', before: '2', after: '3' },
      { path: 'environment.C', before: null, after: '4' },
      { path: 'limits.cpus', before: 1, after: 2 },
      { path: 'title', before: null, after: 'Plot' },
    ]);
  });

  it('restarts what runs and cannot take it over, and names the fields', () => {
    const { effect, explanation } = plan(awake, { port: 80, limits: { cpus: 2 } });
    expect(effect).toBe('restart');
    expect(explanation).toContain('cannot take over new environment, limits and port.');
  });

  it('leaves the new definition to the next wake of what does not run', () => {
    expect(plan(asleep, { port: 80 })).toMatchObject({
      effect: 'next wake',
      explanation: 'plot is not running: its next wake uses the new definition.',
    });
  });

  it('restarts nothing for what only people and clocks see', () => {
    const kept = { environment: { A: '1', B: '2' } };
    for (const more of [
      { title: 'Plot' },
      { idle: { idleAfterMs: 1_000 } },
      { access: 'everyone' as const },
      { alwaysOn: true },
    ]) {
      expect(plan(awake, { ...kept, ...more })).toMatchObject({ effect: 'at once' });
      expect(needsNewInstance(spec(kept), spec({ ...kept, ...more }))).toBe(false);
    }
  });

  it('registers again what is being removed', () => {
    const gone = { wanted: 'gone', phase: 'draining' } as const;
    expect(planOf('plot', { spec: spec(), condition: gone }, spec())).toMatchObject({
      effect: 'created',
      explanation: 'plot is being removed: this registers it again.',
    });
  });
});
