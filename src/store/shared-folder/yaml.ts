import { isMap, isScalar, parseDocument } from 'yaml';

/**
 * YAML for readers and writers that follow version 1.1, as Python's do: there `1e-7` and `yes` are no number and no text,
 * so what JSON holds is written in forms that both versions read alike, and what people wrote is changed in place.
 */

/** Undefined for what is no YAML. */
export function parseYaml(text: string): unknown {
  try {
    return documentOf(text).toJS();
  } catch {
    return undefined;
  }
}

/**
 * The text with one key of one of its sections set, and all else as it was written; null where that cannot be done, since
 * the section comes from elsewhere in the text.
 */
export function setInYaml(
  text: string,
  [section, key]: readonly [string, string],
  value: string,
): string | null {
  const map = documentOf(text).get(section, true);
  if (!isMap(map)) return null;
  const known = map.items.find((item) => isScalar(item.key) && item.key.value === key);
  if (known !== undefined) {
    if (!isScalar(known.value) || !known.value.range) return null;
    const [from, to] = known.value.range;
    return text.slice(0, from) + JSON.stringify(value) + text.slice(to);
  }
  const first = map.items[0]?.key;
  if (!isScalar(first) || !first.range) return null;
  const at = first.range[0];
  const indent = text.slice(text.lastIndexOf('\n', at - 1) + 1, at);
  const entry = `${key}: ${JSON.stringify(value)}`;
  if (map.flow) return `${text.slice(0, at)}${entry}, ${text.slice(at)}`;
  return /^ *$/.test(indent) ? `${text.slice(0, at)}${entry}\n${indent}${text.slice(at)}` : null;
}

/** What JSON can hold, as YAML. Throws for what is nested too deeply. */
export function toYaml(value: Record<string, unknown>): string {
  const lines: string[] = [];
  writeEntries(value, '', lines);
  return `${lines.join('\n')}\n`;
}

function documentOf(text: string): ReturnType<typeof parseDocument> {
  // Two keys of one name are no mistake there, and looking for them takes long.
  const document = parseDocument(text, { version: '1.1', merge: true, uniqueKeys: false });
  const [mistake] = document.errors;
  if (mistake !== undefined) throw mistake;
  return document;
}

function writeEntries(value: object, indent: string, lines: string[]): void {
  for (const [key, one] of Object.entries(value)) {
    write(`${indent}${textOf(key)}:`, one, `${indent}  `, lines);
  }
}

function write(head: string, value: unknown, indent: string, lines: string[]): void {
  if (typeof value !== 'object' || value === null) {
    lines.push(`${head} ${scalarOf(value)}`);
  } else if (Array.isArray(value)) {
    lines.push(value.length === 0 ? `${head} []` : head);
    for (const item of value as unknown[]) write(`${indent}-`, item, `${indent}  `, lines);
  } else {
    const isEmpty = Object.keys(value).length === 0;
    lines.push(isEmpty ? `${head} {}` : head);
    writeEntries(value, indent, lines);
  }
}

function scalarOf(value: unknown): string {
  if (typeof value === 'string') return textOf(value);
  if (typeof value !== 'number') return String(value);
  if (Number.isNaN(value)) return '.nan';
  if (!Number.isFinite(value)) return value > 0 ? '.inf' : '-.inf';
  // Without a dot it would be read as a text.
  return String(value).replace(/^(-?\d+)e/, '$1.0e');
}

const plain = /^[A-Za-z_/][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*$/;
const otherwise = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

function textOf(text: string): string {
  if (plain.test(text) && !otherwise.test(text)) return text;
  return JSON.stringify(text).replaceAll(
    /[\u{7f}-\u{9f}\u{2028}\u{2029}\u{feff}\u{fffe}\u{ffff}]/gu,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
