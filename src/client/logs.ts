import { bodyOf, type Transport } from './transport.ts';

export interface LogOptions {
  /** Instance; the current or last one without. */
  generation?: number;
  /** The last so many bytes, from a line start; 64 KiB without further wishes. */
  tailBytes?: number;
  /** Instead: from this byte since its beginning on. */
  fromByte?: number;
  signal?: AbortSignal;
}

export interface LogText {
  text: string;
  generation: number;
  /** Byte to go on from. */
  nextByte: number;
  /** True when the instance is over and this is the end. */
  complete: boolean;
}

/** A stretch of a log, 1 MiB at most. */
export async function readLog(
  transport: Transport,
  path: string,
  { signal, ...query }: LogOptions = {},
): Promise<LogText> {
  const answer = await transport.open(path, { query, signal, headers: { accept: 'text/plain' } });
  return {
    text: await answer.text(),
    generation: Number(answer.headers.get('x-generation') ?? 0),
    nextByte: Number(answer.headers.get('x-next-byte') ?? 0),
    complete: answer.headers.get('x-complete') === 'true',
  };
}

/** A log as it grows. Ends with the stream; characters are never cut in two. */
export async function* followLog(
  transport: Transport,
  path: string,
  { signal, ...query }: LogOptions = {},
): AsyncGenerator<string> {
  const answer = await transport.open(path, {
    query: { ...query, follow: true },
    signal,
    headers: { accept: 'text/plain' },
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of bodyOf(answer)) {
      const text = decoder.decode(chunk, { stream: true });
      if (text !== '') yield text;
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}
