/**
 * JSON as Python's writers make it: `NaN`, `Infinity` and `-Infinity` become null. Undefined for
 * what is no JSON otherwise, such as a file that is half written.
 */
export function parseLooseJson(text: string): unknown {
  const strict = parse(text);
  return strict === undefined ? parse(withoutConstants(text)) : strict;
}

/**
 * The same text as strict JSON, otherwise as it was written: numbers keep their digits. Undefined for what is no JSON
 * otherwise.
 */
export function toStrictJson(text: string): string | undefined {
  if (parse(text) !== undefined) return text;
  const strict = withoutConstants(text);
  return parse(strict) === undefined ? undefined : strict;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

const constants = /-?\b(?:NaN|Infinity)\b/g;

/**
 * Strings are passed over whole, so that a word inside of one stays as it is. Without a pattern for them: one that is
 * megabytes long takes more of the stack than there is.
 */
function withoutConstants(text: string): string {
  const parts: string[] = [];
  for (let at = 0; at < text.length;) {
    const opening = text.indexOf('"', at);
    const outside = opening === -1 ? text.slice(at) : text.slice(at, opening);
    parts.push(outside.replaceAll(constants, 'null'));
    if (opening === -1) break;
    const end = endOfString(text, opening);
    parts.push(text.slice(opening, end));
    at = end;
  }
  return parts.join('');
}

/** Where the string that begins at `opening` is over. */
function endOfString(text: string, opening: number): number {
  for (let closing = opening; ;) {
    closing = text.indexOf('"', closing + 1);
    if (closing === -1) return text.length;
    let slashes = 0;
    while (text[closing - 1 - slashes] === '\\') slashes += 1;
    if (slashes % 2 === 0) return closing + 1;
  }
}
