import { once } from 'node:events';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack as createPack } from 'tar-stream';
import { createDigest, ownEntry, toHeader, type Entry } from './entry.ts';
import { entryNames, type Contents, type Manifest } from './manifest.ts';

/** Little work for most of the gain: rows and text shrink to a fifth. */
const compressionLevel = 3;

export interface ArchiveWriter {
  /** Resolves when the entry is on its way; `content` is read no faster than it is written. */
  add(entry: Entry, content?: AsyncIterable<Buffer> | null): Promise<void>;
  /** Writes the last entry; resolves with the archive's bytes when all is handed to the sink. */
  finish(contents: Omit<Contents, 'sha256' | 'entries'>): Promise<number>;
  /** Ends it unfinished. */
  abandon(error: Error): void;
}

/**
 * A tar archive, compressed, as a stream: a few buffers of memory whatever its size. Whatever hinders the
 * sink rejects the call under way.
 */
export async function beginArchive(
  sink: Writable,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<ArchiveWriter> {
  const pack = createPack();
  const gzip = createGzip({ level: compressionLevel });
  let bytes = 0;
  async function* counted(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      bytes += piece.length;
      yield piece;
    }
  }
  const end = sink !== process.stdout;
  const flowing = pipeline(Readable.from(pack), gzip, counted, sink, { signal, end });
  const failed = flowing.then(
    () => new Promise<never>(() => undefined),
    (error: unknown) => {
      throw error;
    },
  );
  failed.catch(() => undefined);
  const digest = createDigest();
  let entries = 0;

  async function add(entry: Entry, content: AsyncIterable<Buffer> | null = null): Promise<void> {
    try {
      await put(entry, content);
    } catch (error) {
      // Then the sink or the signal ended it, and says why.
      if (pack.destroyed) await flowing;
      throw error;
    }
  }
  async function put(entry: Entry, content: AsyncIterable<Buffer> | null): Promise<void> {
    digest.begin(entry);
    entries += 1;
    let over: (error?: Error | null) => void = () => undefined;
    const written = new Promise<void>((done, reject) => {
      over = (error) => (error ? reject(error) : done());
    });
    written.catch(() => undefined);
    const body = pack.entry(toHeader(entry), over);
    // Its failure also rejects `written`.
    body.on('error', () => undefined);
    for await (const piece of content ?? nothing()) {
      digest.add(piece);
      if (!body.write(piece)) await Promise.race([once(body, 'drain'), failed]);
    }
    if (entry.type === 'file') body.end();
    await Promise.race([written, failed]);
  }
  async function addJson(name: string, value: unknown): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
    await add(ownEntry(name, bytes.length), oneByOne([bytes]));
  }

  await addJson(entryNames.manifest, manifest);
  return {
    add,
    async finish(contents) {
      const proof: Contents = { sha256: digest.value(), entries, ...contents };
      await addJson(entryNames.contents, proof);
      pack.finalize();
      await flowing;
      return bytes;
    },
    abandon(error) {
      pack.destroy(error);
    },
  };
}

async function* nothing(): AsyncGenerator<Buffer> {
  // No content.
}

async function* oneByOne(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}
