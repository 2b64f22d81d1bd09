/**
 * Counts WebSocket frames (RFC 6455 §5.2) in one direction by their headers alone: opcode and
 * length. Payload is skipped, never unmasked or copied, and bytes may be split anywhere.
 */
export interface FrameState {
  /** Header bytes seen of the frame now begun; 0 between frames unless payload remains. */
  headerBytes: number;
  /** Header bytes needed, known after the second byte. */
  headerLength: number;
  opcode: number;
  lengthCode: number;
  length: number;
  /** Payload bytes still to skip. */
  remaining: number;
  dataFrames: number;
  controlFrames: number;
  closed: boolean;
}

export const frameState = (): FrameState => ({
  headerBytes: 0,
  headerLength: 2,
  opcode: 0,
  lengthCode: 0,
  length: 0,
  remaining: 0,
  dataFrames: 0,
  controlFrames: 0,
  closed: false,
});

/** True when the next byte would begin a new frame: only there may a frame be put in. */
export function betweenFrames(state: FrameState): boolean {
  return state.headerBytes === 0 && state.remaining === 0;
}

/**
 * Reads `bytes` and answers how many data frames (text, binary, continuation) had their header
 * completed in them. Ping, pong and close are counted apart and are no use.
 */
export function countFrames(state: FrameState, bytes: Uint8Array): number {
  const before = state.dataFrames;
  let at = 0;
  while (at < bytes.length) {
    if (state.remaining > 0) {
      const skipped = Math.min(state.remaining, bytes.length - at);
      state.remaining -= skipped;
      at += skipped;
      continue;
    }
    readHeaderByte(state, bytes[at] as number);
    at += 1;
  }
  return state.dataFrames - before;
}

function readHeaderByte(state: FrameState, byte: number): void {
  const index = state.headerBytes;
  state.headerBytes += 1;
  if (index === 0) {
    state.opcode = byte & 0x0f;
    state.headerLength = 2;
    state.length = 0;
    return;
  }
  if (index === 1) {
    state.lengthCode = byte & 0x7f;
    const extended = state.lengthCode === 126 ? 2 : state.lengthCode === 127 ? 8 : 0;
    if (extended === 0) state.length = state.lengthCode;
    state.headerLength = 2 + extended + ((byte & 0x80) === 0 ? 0 : 4);
  } else if ((state.lengthCode === 126 && index < 4) || (state.lengthCode === 127 && index < 10)) {
    state.length = state.length * 256 + byte;
  }
  if (state.headerBytes === state.headerLength) endHeader(state);
}

function endHeader(state: FrameState): void {
  state.headerBytes = 0;
  state.remaining = state.length;
  if (state.opcode < 8) state.dataFrames += 1;
  else state.controlFrames += 1;
  if (state.opcode === 8) state.closed = true;
}
