import type { LogPiece } from './job-log-pieces.ts';

/**
 * Pieces of a log as server-sent events. `log` carries text and has the id `<attempt>:<byte>` of what comes after it, so
 * that a reader who comes back with it misses nothing and gets nothing twice; `cut` says how many bytes were left out,
 * `attempt` that another one begins, `end` that nothing follows.
 */
export function logEvents(): { of(piece: LogPiece): string; end(): string } {
  let attempt: number | null = null;
  /** The beginning of a character whose end has not come yet, and where it ends. */
  let rest = { bytes: new Uint8Array(), nextByte: 0 };

  const logEvent = (bytes: Uint8Array, nextByte: number): string => {
    if (bytes.length === 0) return '';
    const text = Buffer.from(bytes).toString('utf8');
    return `id: ${attempt}:${nextByte}\n${event('log', { attempt, nextByte, text })}`;
  };
  /** Its end will not come any more. */
  const flush = (): string => {
    const told = logEvent(rest.bytes, rest.nextByte);
    rest = { bytes: new Uint8Array(), nextByte: 0 };
    return told;
  };

  return {
    of(piece) {
      let told = '';
      if (piece.attempt !== attempt) {
        told += flush() + event('attempt', { attempt: piece.attempt });
        attempt = piece.attempt;
      }
      const { leftOutBytes, nextByte } = piece;
      if (leftOutBytes > 0) told += flush() + event('cut', { attempt, leftOutBytes });
      const bytes = Buffer.concat([rest.bytes, piece.bytes]);
      const whole = bytes.length - openBytes(bytes);
      rest = { bytes: new Uint8Array(bytes.subarray(whole)), nextByte };
      return told + logEvent(bytes.subarray(0, whole), nextByte - rest.bytes.length);
    },
    end: () => flush() + event('end', { attempt }),
  };
}

/** How many bytes at the end begin a character of UTF-8 that is longer than what is there. */
function openBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0b1100_0000) === 0b1000_0000) continue;
    return lengthOf(byte) > back ? back : 0;
  }
  return 0;
}

/** Of a character, by its first byte; what begins none stands for itself. */
function lengthOf(byte: number): number {
  if (byte >= 0xf8 || byte < 0xc0) return 1;
  if (byte >= 0xf0) return 4;
  return byte >= 0xe0 ? 3 : 2;
}

const event = (name: string, data: object): string =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
