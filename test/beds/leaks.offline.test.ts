import { describe, expect, it } from 'vitest';
import { findLeaks } from './leaks.ts';

const secret = 'canary-0123456789abcdef/+&"<ü>';
const leaksIn = (content: string | Uint8Array) =>
  findLeaks({ planted: secret }, [{ name: 'here', content }]).length > 0;
const json = JSON.stringify({ deep: [{ value: secret }] });

describe('the search for leaks', () => {
  it.each([
    ['clear text', `x${secret}y`],
    ['bytes between others', Buffer.concat([Buffer.from([0, 255]), Buffer.from(secret)])],
    ['hex', `\\x00${Buffer.from(secret).toString('hex')}ff`],
    ['a URL', `https://x/?token=${encodeURIComponent(secret)}&y`],
    ['a form', new URLSearchParams({ a: secret, b: 'c' }).toString()],
    ['JSON', json],
    ['JSON in JSON', JSON.stringify({ payload: json })],
    ['hex of JSON', Buffer.from(json).toString('hex')],
    ['a URL of JSON', encodeURIComponent(json)],
    ['a page', '<p>canary-0123456789abcdef/+&amp;&quot;&lt;ü&gt;</p>'],
  ])('finds one in %s', (_where, content) => {
    expect(leaksIn(content)).toBe(true);
  });

  it.each([0, 1, 2, 3, 4, 5])('finds one in base64 behind %d other bytes', (before) => {
    for (const text of [secret, json]) {
      for (const after of [0, 1, 2]) {
        const whole = `${'a'.repeat(before)}${text}${'z'.repeat(after)}`;
        expect(leaksIn(`{"data":"${Buffer.from(whole).toString('base64')}"}`)).toBe(true);
        expect(leaksIn(`h.${Buffer.from(whole).toString('base64url')}.s`)).toBe(true);
      }
    }
  });

  it('finds none where there is none, and refuses to look for too little', () => {
    expect(leaksIn('canary-0123456789 alone, and Y2FuYXJ5')).toBe(false);
    expect(leaksIn(Buffer.alloc(1_000_000))).toBe(false);
    expect(() => findLeaks({ short: 'a+b+c' }, [])).toThrow('short has no part');
  });
});
