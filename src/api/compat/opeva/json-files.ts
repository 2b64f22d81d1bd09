import { toStrictJson } from '../../../model/loose-json.ts';
import type { SharedFolder } from '../../../store/shared-folder.ts';

const looks = 3;
const betweenLooksMs = 70;

/** What was found where a program writes JSON: its text as strict JSON, or why there is none. */
export type JsonFile =
  | { found: 'json'; text: string }
  | { found: 'broken' | 'absent' }
  | { found: 'too_large'; bytes: number };

/**
 * The first of these files that there is. One that is half written is looked at again; what stays
 * unreadable is answered by the last good copy of it, if there was one.
 */
export async function readJson(
  folder: SharedFolder,
  paths: readonly string[],
  options: { maxBytes: number; good: LastGood },
): Promise<JsonFile & { lastGood?: string }> {
  const { maxBytes, good } = options;
  const [first = ''] = paths;
  for (let look = 1; ; look += 1) {
    const found = await readOnce(folder, paths, maxBytes);
    if (found.found === 'json') {
      good.keep(first, found.text);
      return found;
    }
    const known = good.find(first);
    if (found.found === 'too_large') return found;
    // A file that is replaced is away for a moment; one that never was is simply absent.
    const mayCome = found.found === 'broken' || known !== undefined;
    if (!mayCome || look >= looks) {
      return known === undefined ? found : { ...found, lastGood: known };
    }
    await new Promise((done) => setTimeout(done, betweenLooksMs));
  }
}

async function readOnce(
  folder: SharedFolder,
  paths: readonly string[],
  maxBytes: number,
): Promise<JsonFile> {
  for (const path of paths) {
    const text = await folder.read(path, maxBytes);
    if (text === null) continue;
    if (typeof text !== 'string') return { found: 'too_large', bytes: text.bytes };
    const strict = toStrictJson(text);
    return strict === undefined ? { found: 'broken' } : { found: 'json', text: strict };
  }
  return { found: 'absent' };
}

/** The last readable content of files that are rewritten in place. */
export interface LastGood {
  keep(path: string, text: string): void;
  find(path: string): string | undefined;
}

const keptBytes = 16 * 1024 * 1024;
const mostBytes = 1024 * 1024;

/** Bounded: the oldest go first, and large ones are not kept. */
export function lastGood(): LastGood {
  const kept = new Map<string, string>();
  let bytes = 0;
  const drop = (path: string) => {
    bytes -= kept.get(path)?.length ?? 0;
    kept.delete(path);
  };
  return {
    keep(path, text) {
      drop(path);
      if (text.length > mostBytes) return;
      kept.set(path, text);
      bytes += text.length;
      for (const oldest of kept.keys()) {
        if (bytes <= keptBytes) break;
        drop(oldest);
      }
    },
    find: (path) => kept.get(path),
  };
}
