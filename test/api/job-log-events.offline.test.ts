import { describe, expect, it } from 'vitest';
import { logEvents } from '../../src/api/job-log-events.ts';

const messages = (text: string) =>
  text
    .split('\n\n')
    .filter((one) => one !== '')
    .map((one) => {
      const field = (name: string) =>
        one
          .split('\n')
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2);
      return {
        id: field('id'),
        event: field('event'),
        data: JSON.parse(field('data') ?? '') as unknown,
      };
    });

/** What a reader makes of pieces of these bytes, cut after each of `cuts`. */
function read(bytes: Uint8Array, cuts: readonly number[]) {
  const events = logEvents();
  let at = 0;
  return [...cuts, bytes.length].flatMap((cut) => {
    const piece = { attempt: 1, leftOutBytes: 0, bytes: bytes.subarray(at, cut), nextByte: cut };
    at = cut;
    return messages(events.of(piece));
  });
}

const textOf = (told: ReturnType<typeof read>) =>
  told.flatMap(({ event, data }) => (event === 'log' ? [(data as { text: string }).text] : []));

describe('the events of a log', () => {
  it('never cut a character, wherever the bytes were cut, and say where to go on', () => {
    const text = 'a€𝄞ü\nz';
    const bytes = Buffer.from(text);
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const told = read(bytes, [cut]);
      expect(textOf(told).join('')).toBe(text);
      for (const { id, data } of told.filter(({ event }) => event === 'log')) {
        const { nextByte } = data as { nextByte: number };
        expect(id).toBe(`1:${nextByte}`);
        // Who comes back with the id reads whole characters.
        expect(bytes.subarray(nextByte).toString()).not.toContain('\ufffd');
      }
    }
  });

  it('carry any bytes', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
    expect(textOf(read(bytes, [100, 200])).join('')).toMatch(/^\u0000\u0001/);
    expect(textOf(read(Uint8Array.of(0xff, 0xfe), [])).join('')).toBe('\ufffd\ufffd');
  });

  it('tell of another attempt, of what was left out, and of the end', () => {
    const events = logEvents();
    const piece = { attempt: 1, leftOutBytes: 0, bytes: Buffer.from('x'), nextByte: 1 };
    const told = [
      events.of(piece),
      events.of({ ...piece, leftOutBytes: 5, nextByte: 7 }),
      events.of({ ...piece, attempt: 2 }),
      events.end(),
    ].flatMap(messages);
    expect(told.map(({ event, id }) => [event, id])).toEqual([
      ['attempt', undefined],
      ['log', '1:1'],
      ['cut', undefined],
      ['log', '1:7'],
      ['attempt', undefined],
      ['log', '2:1'],
      ['end', undefined],
    ]);
    expect(told[2]?.data).toEqual({ attempt: 1, leftOutBytes: 5 });
  });
});
