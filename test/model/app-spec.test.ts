import { describe, expect, it } from 'vitest';
import {
  appSpecSchema,
  effectivePreset,
  namedAppSpecSchema,
  needsNewInstance,
  type AppSpecInput,
} from '../../src/model/app-spec.ts';

const parse = (spec: AppSpecInput) => appSpecSchema.parse(spec);
const mistakes = (spec: unknown) =>
  (namedAppSpecSchema.safeParse(spec).error?.issues ?? []).map((issue) => issue.path.join('.'));

describe('a definition', () => {
  it('is filled with the documented defaults', () => {
    expect(parse({ command: ['serve'] })).toMatchObject({
      preset: 'plain',
      sleepMode: 'stop',
      limits: { cpus: 1, memoryBytes: 1024 ** 3, pids: 256 },
      idle: { idleAfterMs: 1_800_000, disconnectedAfterMs: 300_000, maxAgeMs: null },
      restart: { initialDelayMs: 1_000, maxDelayMs: 300_000, maxRestarts: 5, windowMs: 600_000 },
      health: { startDeadlineMs: 120_000 },
      log: { maxBytes: 50 * 1024 ** 2, files: 3 },
    });
  });

  it('needs an image or a command, and an image needs its port', () => {
    expect(mistakes({ name: 'a' })).toEqual(['image']);
    expect(mistakes({ name: 'a', image: 'plot:v1' })).toEqual(['port']);
    expect(mistakes({ name: 'a', image: 'plot:v1', port: 80 })).toEqual([]);
  });

  it.each(['Plot', 'plot_1', '-plot', 'plot-', '', 'a'.repeat(64), 'pl ot', 'plot/../x', 'plöt'])(
    'refuses the name %j, which is no DNS label',
    (name) => {
      expect(mistakes({ name, command: ['x'] })).toContain('name');
    },
  );

  it.each(['UPPER/case', 'a b', 'plot:v1;rm', '../plot', 'http://registry/plot', '$(x)'])(
    'refuses %j as an image',
    (image) => {
      expect(mistakes({ name: 'a', image, port: 80 })).toContain('image');
    },
  );

  it.each([
    'plot',
    'plot:latest',
    'lab/plot:v1.2',
    'registry.example:5000/team/plot_a:V2',
    `plot@sha256:${'a'.repeat(64)}`,
  ])('accepts %j as an image', (image) => {
    expect(mistakes({ name: 'a', image, port: 80 })).toEqual([]);
  });

  it('names all mistakes at once', () => {
    const paths = mistakes({
      name: 'Bad Name',
      command: [],
      limits: { cpus: 0 },
      idle: { idleAfterMs: 'soon' },
      colour: 'red',
    });
    expect(paths).toEqual(
      expect.arrayContaining(['name', 'command', 'limits.cpus', 'idle.idleAfterMs', '']),
    );
  });

  it('takes up to fifty secrets by name, none of which `environment` sets too', () => {
    const spec = { name: 'a', command: ['x'] };
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_one, at) => [`V${at}`, 'hf-token']));
    expect(mistakes({ ...spec, secrets: many(50) })).toEqual([]);
    expect(mistakes({ ...spec, secrets: many(51) })).toEqual(['secrets']);
    expect(mistakes({ ...spec, secrets: { 'NOT-ONE': 'hf-token' } })).toEqual(['secrets.NOT-ONE']);
    for (const name of ['', 'Upper', '../key', 'a_b', 'a'.repeat(64), 7]) {
      expect(mistakes({ ...spec, secrets: { TOKEN: name } })).toEqual(['secrets.TOKEN']);
    }
    const twice = { ...spec, environment: { A: '1', B: '2' }, secrets: { B: 'b', C: 'c' } };
    expect(namedAppSpecSchema.safeParse(twice).error?.issues).toMatchObject([
      { path: ['secrets'], message: 'B is set by `environment` too' },
    ]);
  });

  it('needs a new instance when what runs changes, not when words or clocks change', () => {
    const before = parse({ command: ['serve'], environment: { A: '1', B: '2' } });
    const same = parse({ environment: { B: '2', A: '1' }, command: ['serve'] });
    expect(needsNewInstance(before, same)).toBe(false);
    expect(needsNewInstance(before, { ...before, title: 'Plot' })).toBe(false);
    expect(needsNewInstance(before, { ...before, command: ['serve', '-v'] })).toBe(true);
    expect(needsNewInstance(before, { ...before, environment: { A: '1' } })).toBe(true);
    expect(needsNewInstance(before, { ...before, secrets: { C: 'c' } })).toBe(true);
  });

  it("uses the preset's health path, body and status, and drops what it expects with an own path", () => {
    expect(effectivePreset(parse({ command: ['x'], preset: 'streamlit' }))).toMatchObject({
      healthPath: '/_stcore/health',
      healthBody: 'ok',
      prefixMode: 'keep',
    });
    const own = parse({ command: ['x'], preset: 'streamlit', health: { path: '/up' } });
    expect(effectivePreset(own)).toMatchObject({ healthPath: '/up' });
    expect(effectivePreset(own).healthBody).toBeUndefined();
    const notebook = parse({ command: ['x'], preset: 'jupyter' });
    expect(effectivePreset(notebook).healthStatus).toBe(200);
    const ownNotebook = parse({ command: ['x'], preset: 'jupyter', health: { path: '/up' } });
    expect(effectivePreset(ownNotebook).healthStatus).toBeUndefined();
  });
});
