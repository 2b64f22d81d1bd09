import { copyFile, open, stat, truncate } from 'node:fs/promises';
import type { Log } from '../log.ts';

const readBytes = 64 * 1024;
const pollMs = 100;

export interface LogTail {
  stop(): Promise<void>;
}

/**
 * Calls `onLine` for each whole line written to the file from now on. The writer appends to the file
 * itself: a pipe to a supervisor that was killed would end it. A file over `maxBytes` is copied to
 * `<file>.1` and emptied, so that both together stay bounded.
 */
export async function tailLogFile(options: {
  file: string;
  maxBytes: number;
  onLine: (line: string) => void;
  log: Log;
}): Promise<LogTail> {
  const { file, maxBytes, onLine, log } = options;
  const handle = await open(file, 'a+', 0o600);
  const buffer = Buffer.alloc(readBytes);
  let offset = (await handle.stat()).size;
  let rest = '';
  let ended = false;

  const readNew = async () => {
    const { size } = await handle.stat();
    if (size < offset) offset = 0;
    while (offset < size) {
      const { bytesRead } = await handle.read(buffer, 0, readBytes, offset);
      if (bytesRead === 0) break;
      offset += bytesRead;
      const lines = (rest + buffer.toString('utf8', 0, bytesRead)).split('\n');
      rest = (lines.pop() ?? '').slice(-readBytes);
      for (const line of lines) onLine(line);
    }
    if (size > maxBytes) {
      await boundLogFile(file, maxBytes);
      offset = 0;
    }
  };
  const loop = (async () => {
    while (!ended) {
      await readNew().catch((error: unknown) =>
        log.warn({ err: error, file }, 'cannot read a log'),
      );
      await new Promise((done) => setTimeout(done, pollMs));
    }
    await readNew();
  })();
  return {
    async stop() {
      ended = true;
      try {
        await loop;
      } finally {
        await handle.close();
      }
    },
  };
}

/** Copies a file that is too long to `<file>.1` and empties it; writers that append go on. */
export async function boundLogFile(file: string, maxBytes: number): Promise<void> {
  const size = await stat(file).then(
    (found) => found.size,
    () => 0,
  );
  if (size <= maxBytes) return;
  await copyFile(file, `${file}.1`);
  await truncate(file, 0);
}

/** The last lines of a log, from a byte on, for a sentence about what went wrong. */
export async function lastLines(file: string, count: number, since = 0): Promise<string[]> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) return [];
  try {
    const { size } = await handle.stat();
    const from = Math.min(size, Math.max(since, size - readBytes));
    const buffer = Buffer.alloc(size - from);
    await handle.read(buffer, 0, buffer.length, from);
    const lines = buffer.toString('utf8').split('\n').filter(Boolean);
    return lines.slice(-count);
  } finally {
    await handle.close();
  }
}
