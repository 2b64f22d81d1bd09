import { describe, expect, it } from 'vitest';
import { parseLooseJson, toStrictJson } from '../../src/model/loose-json.ts';

describe("JSON of Python's writers", () => {
  it('has null for what is no number, and leaves words in strings alone', () => {
    const text =
      '{"a": NaN, "b": [-Infinity, Infinity], "c NaN": "NaN \\" Infinity \\\\", "d": 1.50}';
    expect(toStrictJson(text)).toBe(
      '{"a": null, "b": [null, null], "c NaN": "NaN \\" Infinity \\\\", "d": 1.50}',
    );
    expect(parseLooseJson(text)).toEqual({
      ...{ a: null, b: [null, null], 'c NaN': 'NaN " Infinity \\', d: 1.5 },
    });
  });

  it('is undefined where it is half written', () => {
    for (const text of ['', '{"a": 1', '{"a": "x', '{"a": "x\\"', 'nothing', '{"a": NaNs}']) {
      expect([toStrictJson(text), parseLooseJson(text)], text).toEqual([undefined, undefined]);
    }
    expect(parseLooseJson('null')).toBeNull();
  });

  it('may have a string of many megabytes beside a NaN', () => {
    const long = 'x\\"'.repeat(4_000_000);
    expect(toStrictJson(`["${long}", NaN]`)).toHaveLength(long.length + 10);
  });
});
