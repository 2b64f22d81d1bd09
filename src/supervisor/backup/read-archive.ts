import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract as createExtract, type Entry as TarEntry } from 'tar-stream';
import { createDigest, fromText, toEntry, toText, type Digest, type Entry } from './entry.ts';
import {
  damaged,
  entryNames,
  maxJsonBytes,
  noBackup,
  parseContents,
  parseManifest,
  type Contents,
  type Manifest,
} from './manifest.ts';

/** An archive that is being read from its beginning. */
export interface OpenArchive {
  manifest: Manifest;
  /** What follows, in order. What is not read of a content is passed over. Ends whole or throws. */
  entries: AsyncGenerator<{ entry: Entry; content: AsyncIterable<Buffer> }, Contents>;
  close(): Promise<void>;
}

/**
 * Opens an archive: reads its first entry. Throws `invalid` when it is no backup, a newer one, or
 * damaged, as do `entries` when they come to where it is.
 */
export async function openArchive(file: string): Promise<OpenArchive> {
  const extract = createExtract();
  const reading = pipeline(createReadStream(file), createGunzip(), extract);
  // Its failure also ends the entries.
  reading.catch(() => undefined);
  const iterator = extract[Symbol.asyncIterator]();
  const digest = createDigest();
  const close = async () => {
    extract.destroy();
    await reading.catch(() => undefined);
  };
  try {
    const first = await iterator.next();
    const header = first.done === true ? null : toEntry(first.value.header);
    if (first.done === true || header?.path !== fromText(entryNames.manifest)) throw noBackup(file);
    const text = await readText(first.value, header, digest);
    const manifest = parseManifest(file, text);
    return { manifest, entries: entriesOf(file, iterator, digest), close };
  } catch (error) {
    await close();
    throw explain(file, error, true);
  }
}

/** Reads all of it and proves that nothing is missing or changed. */
export async function verifyArchive(
  file: string,
): Promise<{ manifest: Manifest; contents: Contents }> {
  const { manifest, entries, close } = await openArchive(file);
  try {
    for (;;) {
      const next = await entries.next();
      if (next.done === true) return { manifest, contents: next.value };
    }
  } finally {
    await close();
  }
}

async function* entriesOf(
  file: string,
  iterator: AsyncIterableIterator<TarEntry>,
  digest: Digest,
): OpenArchive['entries'] {
  let seen = 1;
  try {
    for (;;) {
      const next = await iterator.next();
      if (next.done === true) throw damaged(file, 'its end is missing');
      const entry = toEntry(next.value.header);
      if (entry === null) throw damaged(file, `an entry of type ${next.value.header.type}`);
      if (entry.path === fromText(entryNames.contents)) {
        const contents = parseContents(file, await readText(next.value, entry, null));
        if (contents.sha256 !== digest.value() || contents.entries !== seen) {
          throw damaged(file, 'its checksum is another one');
        }
        // The end of the compressed file is looked at too.
        const after = await iterator.next();
        if (after.done !== true) throw damaged(file, 'something follows its end');
        return contents;
      }
      seen += 1;
      digest.begin(entry);
      const content = hashed(next.value, digest);
      yield { entry, content };
      for await (const piece of content) void piece;
    }
  } catch (error) {
    throw explain(file, error, false);
  }
}

async function* hashed(content: TarEntry, digest: Digest): AsyncGenerator<Buffer> {
  for await (const piece of content) {
    digest.add(piece);
    yield piece;
  }
}

async function readText(content: TarEntry, entry: Entry, digest: Digest | null): Promise<string> {
  if (entry.size > maxJsonBytes) throw new Error(`${toText(entry.path)} is too long`);
  digest?.begin(entry);
  const pieces: Buffer[] = [];
  for await (const piece of content) {
    digest?.add(piece);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** What unpacking says means for whoever restores; other errors (of the disk, of ours) stay. */
function explain(file: string, error: unknown, atBeginning: boolean): unknown {
  if (!(error instanceof Error) || error.name === 'LabError') return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR' || code === 'EIO') {
    return new Error(`cannot read ${file}: ${error.message}`, { cause: error });
  }
  if (code === 'Z_DATA_ERROR' && atBeginning) return noBackup(file, error);
  const isOfUnpacking =
    code.startsWith('Z_') ||
    /tar|Unexpected end of data|Invalid header|too long/.test(error.message);
  if (!isOfUnpacking) return error;
  const truncated = code === 'Z_BUF_ERROR' || error.message === 'Unexpected end of data';
  return damaged(file, truncated ? 'its end is missing' : error.message, error);
}
