/**
 * Reads chunked framing (RFC 9112 §7.1) over any split of its bytes, without copying payload. Used
 * both ways: bytes pass through verbatim once their framing is known to be valid, so both sides
 * of the gateway see the same message.
 */
export interface ChunkedState {
  phase: 'size' | 'extension' | 'size-lf' | 'data' | 'data-cr' | 'data-lf' | 'trailers' | 'done';
  remaining: number;
  digits: number;
  extensionBytes: number;
  /** Payload bytes seen. */
  total: number;
  /** The trailer section so far, without its final empty line once done. */
  trailers: string;
  /** Where the trailer section begins in the chunk just read; its length when it does not. */
  rawEnd: number;
}

export const chunkedState = (): ChunkedState => ({
  phase: 'size',
  remaining: 0,
  digits: 0,
  extensionBytes: 0,
  total: 0,
  trailers: '',
  rawEnd: 0,
});

const maxSizeDigits = 12;
const maxExtensionBytes = 4096;
const maxTrailerBytes = 16 * 1024;

/**
 * Reads `bytes` from `from` on and answers the index after the last byte that belongs to this
 * message, or -1 when the framing is bad. `onPayload` gets each stretch of payload.
 */
export function readChunked(
  state: ChunkedState,
  bytes: Buffer,
  from: number,
  onPayload?: (start: number, end: number) => void,
): number {
  let at = from;
  state.rawEnd = bytes.length;
  while (at < bytes.length) {
    if (state.phase === 'data') {
      const end = Math.min(bytes.length, at + state.remaining);
      state.remaining -= end - at;
      state.total += end - at;
      onPayload?.(at, end);
      at = end;
      if (state.remaining === 0) state.phase = 'data-cr';
      continue;
    }
    if (state.phase === 'trailers') {
      state.rawEnd = Math.min(state.rawEnd, at);
      return readTrailers(state, bytes, at);
    }
    const byte = bytes[at] as number;
    at += 1;
    switch (state.phase) {
      case 'size': {
        const digit = hexDigit(byte);
        if (digit >= 0) {
          state.digits += 1;
          if (state.digits > maxSizeDigits) return -1;
          state.remaining = state.remaining * 16 + digit;
        } else if (state.digits === 0) return -1;
        else if (byte === 0x0d) state.phase = 'size-lf';
        else if (byte === 0x3b) state.phase = 'extension';
        else return -1;
        break;
      }
      case 'extension':
        state.extensionBytes += 1;
        if (byte === 0x0d) state.phase = 'size-lf';
        else if (byte < 0x20 || byte === 0x7f || state.extensionBytes > maxExtensionBytes)
          return -1;
        break;
      case 'size-lf':
        if (byte !== 0x0a) return -1;
        state.digits = 0;
        state.phase = state.remaining === 0 ? 'trailers' : 'data';
        if (state.phase === 'trailers') state.rawEnd = at;
        break;
      case 'data-cr':
        if (byte !== 0x0d) return -1;
        state.phase = 'data-lf';
        break;
      case 'data-lf':
        if (byte !== 0x0a) return -1;
        state.phase = 'size';
        break;
      default:
        return -1;
    }
  }
  return at;
}

function readTrailers(state: ChunkedState, bytes: Buffer, from: number): number {
  const before = state.trailers.length;
  const text =
    state.trailers + bytes.toString('latin1', from, Math.min(bytes.length, from + maxTrailerBytes));
  const end = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n');
  if (end === -1) {
    if (text.length >= maxTrailerBytes) return -1;
    state.trailers = text;
    return bytes.length;
  }
  state.phase = 'done';
  state.trailers = text.slice(0, end);
  return from + (end === 0 ? 2 : end + 4) - before;
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
