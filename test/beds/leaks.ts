/** A text or bytes that must not hold a secret, and what it is called in a failure. */
export interface Place {
  name: string;
  content: string | Uint8Array;
}

/** So long a part is nowhere by chance. */
const leastCore = 16;

/**
 * Where a secret stands. Looked for is its longest part that no escaping changes (of URLs, JSON, HTML,
 * one in the other), in clear and as base64 (wherever it begins, of either alphabet) or hex of
 * whatever holds it.
 */
export function findLeaks(
  secrets: Readonly<Record<string, string>>,
  places: Iterable<Place>,
): string[] {
  const needles = Object.entries(secrets).flatMap(([label, secret]) =>
    Object.entries(formsOf(coreOf(label, secret))).map(([form, text]) => ({
      label: `${label} (${form})`,
      bytes: Buffer.from(text),
    })),
  );
  const found = new Set<string>();
  for (const { name, content } of places) {
    const bytes = Buffer.from(content as Uint8Array);
    for (const needle of needles) {
      if (bytes.includes(needle.bytes)) found.add(`${needle.label} stands in ${name}`);
    }
  }
  return [...found].sort();
}

function coreOf(label: string, secret: string): string {
  const parts = secret.match(/[\w-]+/g) ?? [];
  const [core = ''] = parts.toSorted((left, right) => right.length - left.length);
  if (core.length < leastCore) throw new Error(`${label} has no part that could be looked for`);
  return core;
}

function formsOf(core: string): Record<string, string> {
  const bytes = Buffer.from(core);
  const forms: Record<string, string> = {
    'in clear': core,
    hex: bytes.toString('hex'),
    'upper-case hex': bytes.toString('hex').toUpperCase(),
    backwards: [...core].reverse().join(''),
  };
  for (const before of [0, 1, 2]) {
    const text = base64Within(bytes, before);
    forms[`base64, ${before} before`] = text;
    forms[`base64url, ${before} before`] = text.replaceAll('+', '-').replaceAll('/', '_');
  }
  return forms;
}

/** What base64 makes of bytes behind `before` others, without the characters that neighbours share. */
function base64Within(bytes: Buffer, before: number): string {
  const padded = Buffer.concat([Buffer.alloc(before), bytes]);
  const first = Math.ceil((before * 8) / 6);
  const whole = Math.floor((padded.length * 8) / 6);
  return padded.toString('base64').slice(first, whole);
}
