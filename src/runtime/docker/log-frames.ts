export interface LogFrame {
  /** RFC 3339 with nine digits, so that texts compare as times do. */
  time: string;
  /** 1 for stdout, 2 for stderr. */
  stream: number;
  bytes: Uint8Array;
}

const headerBytes = 8;
const space = 0x20;
/** The engine cuts messages at 16 KiB; anything far above is no frame. */
const mostFrameBytes = 16 * 1024 * 1024;

/** Takes apart the engine's multiplexed log: header with stream and size, time, message. */
export async function* logFrames(stream: NodeJS.ReadableStream): AsyncGenerator<LogFrame> {
  let rest = Buffer.alloc(0);
  for await (const piece of stream) {
    rest = Buffer.concat([rest, typeof piece === 'string' ? Buffer.from(piece) : piece]);
    let at = 0;
    while (rest.length - at >= headerBytes) {
      const size = rest.readUInt32BE(at + 4);
      if (size > mostFrameBytes) throw new Error(`a log frame of ${size} bytes cannot be right`);
      if (rest.length - at - headerBytes < size) break;
      const body = rest.subarray(at + headerBytes, at + headerBytes + size);
      const end = body.indexOf(space);
      yield {
        time: body.subarray(0, end).toString('latin1'),
        stream: rest[at] ?? 0,
        bytes: body.subarray(end + 1),
      };
      at += headerBytes + size;
    }
    rest = rest.subarray(at);
  }
}
