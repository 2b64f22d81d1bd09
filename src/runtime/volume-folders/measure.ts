import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { VolumeMeasure } from '../../model/volume.ts';

const blockBytes = 512;
/** After so many entries the walk rests: apps need the disk more than it does. */
const entriesAtOnce = 200;
const restMs = 10;

/**
 * One entry after the other, without following links, into no other file system. What vanishes
 * meanwhile is not there. A file with several names counts once, as far as `maxEntries` reaches.
 */
export async function measureFolder(
  root: string,
  options: { maxEntries: number; signal: AbortSignal },
): Promise<VolumeMeasure> {
  const { maxEntries, signal } = options;
  const { dev: device } = await lstat(root);
  const found = { sizeBytes: 0, fileCount: 0, whole: true };
  const counted = new Set<string>();
  const folders = [root];
  let entries = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for await (const name of namesIn(folder)) {
      signal.throwIfAborted();
      entries += 1;
      if (entries > maxEntries) return { ...found, whole: false };
      if (entries % entriesAtOnce === 0) await pause(restMs);
      const path = join(folder, name);
      const entry = await lstat(path).catch(nullWhenAbsent);
      if (entry === null || entry.dev !== device) continue;
      if (entry.isDirectory()) folders.push(path);
      else {
        found.fileCount += 1;
        const isKnown = entry.nlink > 1 && counted.has(String(entry.ino));
        if (entry.nlink > 1) counted.add(String(entry.ino));
        if (isKnown) continue;
      }
      found.sizeBytes += entry.blocks * blockBytes;
    }
  }
  return found;
}

async function* namesIn(folder: string): AsyncGenerator<string> {
  const open = await opendir(folder, { bufferSize: entriesAtOnce }).catch(nullWhenAbsent);
  if (open === null) return;
  for await (const { name } of open) yield name;
}

function nullWhenAbsent(error: unknown): null {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return null;
  throw error;
}
