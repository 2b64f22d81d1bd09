import type { Containers } from '../runtime/containers.ts';

const maxLines = 20;
const maxLineCharacters = 400;

/** The last lines an instance wrote, bounded, as text for people. Empty when there is no log. */
export async function lastLines(
  runtime: Containers,
  instance: string,
  tailBytes: number,
): Promise<string[]> {
  const chunk = await runtime.readLog(instance, { tailBytes, maxBytes: tailBytes });
  const text = new TextDecoder().decode(chunk.bytes);
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.slice(-maxLines).map((line) => printable(line).slice(0, maxLineCharacters));
}

/** Rows hold text: PostgreSQL refuses NUL, and terminals' control characters say nothing here. */
function printable(line: string): string {
  // All C0 control characters but the tab go.
  return Array.from(line, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 32 && character !== '\t' ? '' : character;
  }).join('');
}

/** All that is kept of it, from its beginning. */
export async function* wholeLog(runtime: Containers, name: string): AsyncGenerator<Uint8Array> {
  for (let fromByte = 0; ;) {
    const chunk = await runtime.readLog(name, { fromByte });
    if (chunk.bytes.length === 0) return;
    yield chunk.bytes;
    fromByte = chunk.nextByte;
  }
}
