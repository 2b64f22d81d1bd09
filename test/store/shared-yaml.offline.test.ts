import { spawnSync } from 'node:child_process';
import { parse } from 'yaml';
import { describe, expect, it } from 'vitest';
import { parseYaml, setInYaml, toYaml } from '../../src/store/shared-folder/yaml.ts';

const awkward = {
  lr: 1e-7,
  big: 1e21,
  half: -0.5,
  count: 3,
  yes: 'no',
  '1': '1',
  time: '12:30:00',
  date: '2024-01-01',
  text: 'two words',
  odd: 'a: b # c\n\ttab "quoted" \u{7f}\u{2028}é😀',
  empty: '',
  none: null,
  flag: false,
  nested: { list: [1, 'x', [], {}, { a: [true] }, [[2]]], map: {} },
};

describe('YAML that is made of JSON', () => {
  it('says the same to readers of both versions', () => {
    const text = toYaml(awkward);
    expect(parse(text, { version: '1.1' })).toEqual(awkward);
    expect(parse(text, { version: '1.2' })).toEqual(awkward);
  });

  it('writes numbers as Python reads numbers', () => {
    expect(toYaml({ a: 1e-7, b: -1.5e21, c: 1e21 })).toBe('a: 1.0e-7\nb: -1.5e+21\nc: 1.0e+21\n');
  });

  it("says the same to Python's own reader", ({ skip }) => {
    const script = 'import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))';
    const read = spawnSync('python3', ['-c', script], { input: toYaml(awkward), encoding: 'utf8' });
    if (/No module named|not found/.test(read.stderr ?? '') || read.error) skip();
    expect(read.stderr).toBe('');
    expect(JSON.parse(read.stdout)).toEqual(awkward);
  });
});

describe('one key of a YAML text', () => {
  const set = (text: string) => setInYaml(text, ['simulator', 'dataset_path'], '/data/d');

  it('is set where it stands, and all else stays as it was written', () => {
    const text = '# mine\nsimulator:\n  dataset_path: ./datasets/d # old\n  lr: 1.0e-07\nx: on\n';
    expect(set(text)).toBe(text.replace('./datasets/d', '"/data/d"'));
  });

  it('is put before the others where it was missing', () => {
    expect(set('a: 1\nsimulator:\n    dataset_name: d\n')).toBe(
      'a: 1\nsimulator:\n    dataset_path: "/data/d"\n    dataset_name: d\n',
    );
    expect(set('simulator: {dataset_name: d}\n')).toBe(
      'simulator: {dataset_path: "/data/d", dataset_name: d}\n',
    );
  });

  it('is not set where the section comes from elsewhere', () => {
    expect(set('base: &b {dataset_name: d}\nsimulator: *b\n')).toBeNull();
  });
});

describe('reading YAML', () => {
  it('is undefined for what is none, and for few bytes that stand for many', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (let at = 1; at < 9; at += 1) {
      bomb.push(
        `a${at}: &a${at} [${Array(10)
          .fill(at === 1 ? '*a' : `*a${at - 1}`)
          .join(',')}]`,
      );
    }
    expect([parseYaml('a: [1,'), parseYaml(bomb.join('\n'))]).toEqual([undefined, undefined]);
    expect(parseYaml('a: on\n')).toEqual({ a: true });
  });
});
