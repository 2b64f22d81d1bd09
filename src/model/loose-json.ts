/**
 * JSON as Python's writers make it: `NaN`, `Infinity` and `-Infinity` become null. Undefined for
 * what is no JSON otherwise, such as a file that is half written.
 */
export function parseLooseJson(text: string): unknown {
  const strict = text.replaceAll(stringOrConstant, (found) =>
    found.startsWith('"') ? found : 'null',
  );
  try {
    return JSON.parse(strict) as unknown;
  } catch {
    return undefined;
  }
}

/** Strings are matched whole, so that a word inside of one stays as it is. */
const stringOrConstant = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;
