import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Log } from '../log.ts';

/** A reader that takes nothing for so long is gone. */
const stallMs = 60_000;

export interface ArchiveSender {
  /**
   * Streams what is opened as tar or tar.gz, as fast as the reader takes it; a reader that leaves ends it. 404 without
   * a folder, 503 beyond `most` at once or when it cannot begin. What goes wrong after that cuts the connection, so
   * that nobody takes a part for the whole.
   */
  send(source: ArchiveSource, format: 'tar' | 'tar.gz', response: ServerResponse): Promise<void>;
}

export interface ArchiveSource {
  /** As sentences call it. */
  what: string;
  /** Null when there is no folder of it. */
  open(gone: AbortSignal): Promise<AsyncIterable<Uint8Array> | null>;
}

export function archiveSender(options: {
  /** Archives at once. */
  most: number;
  log: Log;
}): ArchiveSender {
  const { most, log } = options;
  let open = 0;

  async function stream(
    { what, open }: ArchiveSource,
    format: 'tar' | 'tar.gz',
    response: ServerResponse,
    gone: AbortSignal,
  ): Promise<void> {
    const pieces = await open(gone);
    if (pieces === null) return refuse(response, 404, `there is no folder of ${what} here`);
    // The first piece before the headers: what cannot begin at all is told in words.
    const iterator = pieces[Symbol.asyncIterator]();
    const first = await iterator.next();
    response.writeHead(200, {
      'content-type': format === 'tar' ? 'application/x-tar' : 'application/gzip',
    });
    const rest = async function* () {
      if (first.done !== true) yield first.value;
      yield* { [Symbol.asyncIterator]: () => iterator };
    };
    const source = Readable.from(rest(), { objectMode: false });
    if (format === 'tar') await pipeline(source, response);
    else await pipeline(source, createGzip(), response);
  }

  return {
    async send(source, format, response) {
      if (open >= most) {
        const words = `${open} archives are streamed at once here, and that is the limit (LABKEEPER_MAX_ARCHIVES)`;
        return refuse(response, 503, words);
      }
      open += 1;
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      response.setTimeout(stallMs, () => response.destroy());
      try {
        await stream(source, format, response, gone.signal);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        if (!gone.signal.aborted) log.warn({ source: source.what, why }, 'archive not sent');
        if (response.headersSent) response.destroy();
        else if (!gone.signal.aborted) refuse(response, 503, why);
      } finally {
        open -= 1;
      }
    },
  };
}

function refuse(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${words}\n`);
}
