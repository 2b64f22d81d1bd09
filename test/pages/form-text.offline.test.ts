import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinWords, shortCommand, splitWords } from '../../src/api/pages/command-words.ts';
import { readMounts, readPairs, writeMounts, writePairs } from '../../src/api/pages/form-lines.ts';

const seed = 20_261_125;

/**
 * Any character, and often one with a meaning. Not fast-check's own unit of this kind: making its table takes a
 * second of a free processor, and longer than a test may where others work too.
 */
const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom("'", '"', '\\', ' ', '\t', '\n', '\r', '=', 'a'),
    fc.integer({ min: 0, max: 0x10_ff_ff }).map((code) => String.fromCodePoint(code)),
  ),
});

describe('a command as people type it', () => {
  it('is shown in a table as long as it is short, and else by its beginning', () => {
    expect(shortCommand(['python3', '-m', 'http.server', '{port}'])).toBe(
      'python3 -m http.server {port}',
    );
    expect(shortCommand(['x'.repeat(40)])).toBe('x'.repeat(40));
    expect(shortCommand(['x'.repeat(41)])).toBe(`${'x'.repeat(39)}…`);
  });

  it.each([
    ['serve  --port {port}', ['serve', '--port', '{port}']],
    [`sh -c 'echo $HOME | wc'`, ['sh', '-c', 'echo $HOME | wc']],
    [`a"b c"'d e'f`, ['ab cd ef']],
    ['a\\ b "c\\"d" "e\\f"', ['a b', 'c"d', 'e\\f']],
    [`'' ""`, ['', '']],
    ['\n one\n two \n', ['one', 'two']],
    ['   ', []],
  ])('reads %j as words', (text, words) => {
    expect(splitWords(text)).toEqual({ words });
  });

  it.each([`serve 'open`, 'serve "open', `a"'`])('refuses %j, which closes no quote', (text) => {
    expect(splitWords(text)).toHaveProperty('mistake');
  });

  it('reads what it wrote as the same words', () => {
    fc.assert(
      fc.property(fc.array(anyText), (words) => {
        expect(splitWords(joinWords(words))).toEqual({ words });
      }),
      { seed },
    );
  });
});

describe('lines of a form', () => {
  it('reads the variables that it wrote, whatever is in them', () => {
    const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,9}$/);
    fc.assert(
      fc.property(fc.dictionary(name, anyText), (pairs) => {
        expect(readPairs(writePairs(pairs), 'A=b')).toEqual({ value: { ...pairs } });
      }),
      { seed },
    );
  });

  it('names the line that it cannot read', () => {
    expect(readPairs('A=1\r\n\r\nB', 'A=b')).toEqual({ mistake: 'line 3: write A=b' });
    expect(readPairs('A=1\nA=2', 'A=b')).toEqual({ mistake: 'line 2: A is there already' });
    expect(readPairs('A="1', 'A=b')).toEqual({ mistake: 'line 1: the " of A is not closed' });
    expect(readMounts('a /x y')).toEqual({
      mistake: 'line 1: write NAME, PATH and perhaps ro',
    });
  });

  it('reads the volumes that it wrote', () => {
    const mounts = [
      { volume: 'a', path: '/data', readOnly: true },
      { volume: 'b', readOnly: true },
      { volume: 'c', path: '/c', readOnly: false },
      { volume: 'd', readOnly: false },
    ];
    expect(readMounts(writeMounts(mounts))).toEqual({ value: mounts });
  });
});
