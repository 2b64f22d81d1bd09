import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { metricsOf, mostMetrics } from '../../src/model/job-metrics.ts';
import { parseLooseJson } from '../../src/model/loose-json.ts';
import { progressFromLines } from '../../src/model/progress-lines.ts';

describe('lines of progress', () => {
  it.each([
    [
      '::labkeeper step=67 step_total=168 reward=-1.5e-3',
      { step: 67, step_total: 168, reward: -0.0015 },
    ],
    [
      '::labkeeper loss=nan best=-inf status=training',
      { loss: null, best: null, status: 'training' },
    ],
    ['before\n::labkeeper step=1\nbetween\n::labkeeper step=2 loss=.5\n', { step: 2, loss: 0.5 }],
    ['::labkeeper train/loss=1 a.b=2', { 'train/loss': 1, 'a.b': 2 }],
    ['::labkeeper step=12abc', { step: '12abc' }],
    ['::labkeeper huge=1e999', { huge: null }],
    [' ::labkeeper step=1', null],
    ['say ::labkeeper step=1', null],
    ['::labkeeperstep=1', null],
    ['::labkeeper', null],
    ['::labkeeper 1=2 = =3', null],
    ['', null],
  ])('make of %j %j', (text, said) => {
    expect(progressFromLines(text)).toEqual(said);
  });

  it('take whatever a program prints, and keep a bounded number of names', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const said = progressFromLines(`::labkeeper ${text}`);
        expect(Object.keys(said ?? {}).length).toBeLessThanOrEqual(64);
      }),
      { seed: 5, numRuns: 100 },
    );
    const many = Array.from({ length: 200 }, (_, at) => `k${at}=1`).join(' ');
    expect(Object.keys(progressFromLines(`::labkeeper ${many} k3=9`) ?? {})).toHaveLength(64);
    expect(progressFromLines(`::labkeeper ${many} k3=9`)?.['k3']).toBe(9);
  });
});

describe('the numbers that are charted', () => {
  it('are those of the progress and of what lies in it, but not where it is', () => {
    const progress = {
      ...{ step: 67, step_total: 168, timestamp: 1_700_000_000, status: 'running', done: true },
      ...{ reward: -3.5, progress_pct: 40, loss: null },
      rewards: { mean: 1, deep: { deeper: 2 } },
      list: [1, 2],
    };
    expect(metricsOf(progress)).toEqual({
      step: 67,
      values: { reward: -3.5, progress_pct: 40, 'rewards.mean': 1 },
    });
  });

  it('are so many and no more', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`m${at}`, at]));
    expect(Object.keys(metricsOf(many).values)).toHaveLength(mostMetrics);
    expect(metricsOf({ ['x'.repeat(65)]: 1, 'a\0b': 2 }).values).toEqual({});
  });
});

describe('JSON as Python writes it', () => {
  it.each([
    ['{"a": NaN, "b": [Infinity, -Infinity]}', { a: null, b: [null, null] }],
    ['{"NaN": "Infinity", "x": "say \\"NaN\\" twice"}', { NaN: 'Infinity', x: 'say "NaN" twice' }],
    ['NaN', null],
    ['{"a": NaNa}', undefined],
    ['{"a": 1', undefined],
    ['', undefined],
  ])('reads %j as %j', (text, value) => {
    expect(parseLooseJson(text)).toEqual(value);
  });

  it('reads what JSON reads in the same way, and is never led astray by a string', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = JSON.stringify(value);
        expect(parseLooseJson(text)).toEqual(JSON.parse(text));
      }),
      { seed: 6, numRuns: 500 },
    );
    const words = fc.array(
      fc.constantFrom('NaN', '-Infinity', '"', '\\', '\\"', ' ', 'x', '{', '}'),
    );
    fc.assert(
      fc.property(words, (parts) => {
        const value = { [parts.join('')]: parts.join('') };
        expect(parseLooseJson(JSON.stringify(value))).toEqual(value);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it('says of each beginning of a file that it is not whole', () => {
    const text = '{"step": 67, "reward": NaN, "note": "a\\"b"}';
    for (let end = 0; end < text.length; end += 1) {
      expect([end, parseLooseJson(text.slice(0, end))]).toEqual([end, undefined]);
    }
  });
});
