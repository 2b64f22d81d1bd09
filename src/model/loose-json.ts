/**
 * JSON as Python's writers make it: `NaN`, `Infinity` and `-Infinity` become null. Undefined for
 * what is no JSON otherwise, such as a file that is half written.
 */
export function parseLooseJson(text: string): unknown {
  const strict = toStrictJson(text);
  return strict === undefined ? undefined : (JSON.parse(strict) as unknown);
}

/** Strings are matched whole, so that a word inside of one stays as it is. */
const stringOrConstant = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/**
 * The same text as strict JSON, otherwise as it was written: numbers keep their digits. Undefined for what is no JSON
 * otherwise.
 */
export function toStrictJson(text: string): string | undefined {
  const strict = text.replaceAll(stringOrConstant, (found) =>
    found.startsWith('"') ? found : 'null',
  );
  try {
    JSON.parse(strict);
    return strict;
  } catch {
    return undefined;
  }
}
