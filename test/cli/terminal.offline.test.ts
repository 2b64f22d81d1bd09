import { describe, expect, it } from 'vitest';
import { bytesInWords, durationInWords } from '../../src/model/in-words.ts';
import { table } from '../../src/cli/table.ts';
import { plain, withoutSteering } from '../../src/cli/terminal.ts';

describe('writing to a terminal', () => {
  it('makes one harmless line of what others wrote', () => {
    expect(plain('a\u001b[2Jb\nc\u0007\u009bd')).toBe('a [2Jb c d');
  });

  it('keeps the colours of a log and nothing else that steers', () => {
    const log = 'x\u001b[31mred\u001b[0m\u001b[2J\u001b]0;title\u0007\u0007y\r\n\tz\u001bc';
    expect(withoutSteering(log)).toBe('x\u001b[31mred\u001b[0my\r\n\tz');
  });

  it('aligns columns and leaves no spaces at the end', () => {
    const text = table(
      { colors: false },
      ['name', 'state'],
      [
        ['app/a', 'ready'],
        ['b', 'x'],
      ],
    );
    expect(text).toBe('NAME   STATE\napp/a  ready\nb      x\n');
  });

  it('counts colours as no width', () => {
    const rows = [[{ text: 'ab', tone: 'good' as const }, 'c']];
    expect(table({ colors: true }, ['x', 'y'], rows)).toContain('\u001b[32mab\u001b[0m  c');
  });

  it.each([
    [999, '1 s'],
    [90_000, '1.5 min'],
    [86_400_000, '1 d'],
  ])('says %i ms as %s', (ms, words) => expect(durationInWords(ms)).toBe(words));

  it.each([
    [0, '0 B'],
    [1536, '1.5 KiB'],
    [73_400_320, '70 MiB'],
  ])('says %i bytes as %s', (count, words) => expect(bytesInWords(count)).toBe(words));
});
