import { setTimeout as pause } from 'node:timers/promises';
import { parseLooseJson } from '../../model/loose-json.ts';
import type { Collected } from '../job-folders.ts';

/** A file that is being written is looked at again, so often and so soon. */
const looks = 3;
const betweenLooksMs = 60;

/** What came of a job, by `read`: the text of its result, its size above `maxBytes`, or null. */
export async function readResult(
  read: () => Promise<string | { bytes: number } | null>,
  maxBytes: number,
): Promise<Collected['result']> {
  for (let look = 1; ; look += 1) {
    const text = await read();
    if (text === null) return null;
    if (typeof text !== 'string') {
      return { problem: `result.json has ${text.bytes} bytes, and ${maxBytes} are read at most` };
    }
    const value = parseLooseJson(text);
    if (value !== undefined) return { value };
    if (look >= looks) return { problem: 'result.json is not valid JSON' };
    await pause(betweenLooksMs);
  }
}
