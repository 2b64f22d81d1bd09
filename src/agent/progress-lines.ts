import { progressFromLines } from '../model/progress-lines.ts';
import type { Containers } from '../runtime/containers.ts';

/** One look reads so much; whoever prints faster is read at the end of what it has printed. */
const mostBytes = 1024 * 1024;

/** Follows what running jobs print, and keeps what their lines said of their progress. */
export function progressLines() {
  const known = new Map<
    string,
    { nextByte: number; rest: string; said: Record<string, unknown> | null }
  >();
  return {
    /** What the lines so far came to; null when there was none of ours. */
    async read(runtime: Containers, instance: string): Promise<Record<string, unknown> | null> {
      const before = known.get(instance);
      const at = before?.nextByte ?? 0;
      let part = await runtime.readLog(instance, { fromByte: at, maxBytes: mostBytes });
      let rest = before?.rest ?? '';
      if (part.bytes.length === mostBytes) {
        part = await runtime.readLog(instance, { tailBytes: mostBytes });
        rest = '';
      }
      const text = rest + Buffer.from(part.bytes).toString('utf8');
      const end = text.lastIndexOf('\n') + 1;
      const news = progressFromLines(text.slice(0, end));
      const said = news === null ? (before?.said ?? null) : { ...before?.said, ...news };
      // A line without end is kept as far as one of ours can be long.
      known.set(instance, {
        nextByte: part.nextByte,
        rest: text.slice(end).slice(0, 16_384),
        said,
      });
      return said;
    },
    /** Forgets those that do not run any more. */
    keepOnly(instances: ReadonlySet<string>): void {
      for (const name of known.keys()) if (!instances.has(name)) known.delete(name);
    },
  };
}
