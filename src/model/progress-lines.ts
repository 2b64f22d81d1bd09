const mostKeys = 64;
const pair = /([A-Za-z_][\w./-]{0,63})=(\S{1,200})/g;

/**
 * What a program says of its progress on lines `::labkeeper key=value key=value …` of its output: the last word on each
 * key. Numbers are numbers, `nan` and infinities are null as in progress.json, and the rest is text. Null without such a line.
 */
export function progressFromLines(text: string): Record<string, number | string | null> | null {
  const found = new Map<string, number | string | null>();
  for (const [, words = ''] of text.matchAll(/^::labkeeper[ \t]+(.*)$/gm)) {
    for (const [, key = '', value = ''] of words.matchAll(pair)) {
      if (found.size < mostKeys || found.has(key)) found.set(key, valueOf(value));
    }
  }
  return found.size === 0 ? null : Object.fromEntries(found);
}

function valueOf(word: string): number | string | null {
  if (/^[+-]?(?:nan|inf|infinity)$/i.test(word)) return null;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(word)) return word;
  const number = Number(word);
  return Number.isFinite(number) ? number : null;
}
