import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { betweenFrames, countFrames, frameState } from '../../src/gateway/frames.ts';

interface Frame {
  opcode: number;
  masked: boolean;
  length: number;
}

function encode({ opcode, masked, length }: Frame): Buffer {
  const mask = masked ? 0x80 : 0;
  const size =
    length < 126
      ? Buffer.from([mask | length])
      : length < 65_536
        ? Buffer.from([mask | 126, length >> 8, length & 255])
        : Buffer.concat([Buffer.from([mask | 127]), longLength(length)]);
  // Payload that looks like frame headers, to catch a counter that loses its place.
  const payload = Buffer.alloc(length + (masked ? 4 : 0), 0x81);
  return Buffer.concat([Buffer.from([0x80 | opcode]), size, payload]);
}

function longLength(length: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(length));
  return bytes;
}

const frame = fc.record({
  opcode: fc.constantFrom(0, 1, 2, 8, 9, 10),
  masked: fc.boolean(),
  length: fc.oneof(fc.nat({ max: 130 }), fc.constantFrom(0, 125, 126, 127, 65_535, 65_536, 70_000)),
});

describe('counting WebSocket frames', () => {
  test('counts data and control frames of any length, split anywhere', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 }),
        (frames, steps) => {
          const bytes = Buffer.concat(frames.map(encode));
          const state = frameState();
          let counted = 0;
          let step = 0;
          for (let at = 0; at < bytes.length;) {
            // Small cuts at first, where headers are; the rest in one piece now and then.
            const size = step > 200 ? bytes.length : (steps[step % steps.length] as number);
            counted += countFrames(state, bytes.subarray(at, at + size));
            at += size;
            step += 1;
          }
          const data = frames.filter(({ opcode }) => opcode < 8).length;
          expect(counted).toBe(data);
          expect(state.controlFrames).toBe(frames.length - data);
          expect(betweenFrames(state)).toBe(true);
          expect(state.closed).toBe(frames.some(({ opcode }) => opcode === 8));
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });

  test('one byte at a time gives the same counts', () => {
    const bytes = Buffer.concat(
      [5, 126, 70_000].map((length) => encode({ opcode: 2, masked: true, length })),
    );
    const state = frameState();
    let counted = 0;
    for (const byte of bytes) counted += countFrames(state, Uint8Array.of(byte));
    expect(counted).toBe(3);
    expect(betweenFrames(state)).toBe(true);
  });

  test('knows when it is inside a frame', () => {
    const state = frameState();
    countFrames(state, Buffer.from([0x81]));
    expect(betweenFrames(state)).toBe(false);
    countFrames(state, Buffer.from([0x05, 1, 2]));
    expect(betweenFrames(state)).toBe(false);
    countFrames(state, Buffer.from([3, 4, 5]));
    expect(betweenFrames(state)).toBe(true);
  });
});
