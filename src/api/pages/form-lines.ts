import type { VolumeMount } from '../../model/volume-mount.ts';

/** What was read from the text of a field, or why it cannot be. */
export type Reading = { value: unknown } | { mistake: string };

/** `NAME=value`, one a line. A value that begins with `"` is a JSON string, so that it may have lines. */
export function readPairs(text: string, example: string): Reading {
  const pairs = new Map<string, string>();
  for (const [number, line] of linesOf(text)) {
    const at = line.indexOf('=');
    if (at < 1) return { mistake: `line ${number}: write ${example}` };
    const name = line.slice(0, at).trim();
    if (pairs.has(name)) return { mistake: `line ${number}: ${name} is there already` };
    const value = plainOrJson(line.slice(at + 1));
    if (value === null) return { mistake: `line ${number}: the " of ${name} is not closed` };
    pairs.set(name, value);
  }
  return { value: Object.fromEntries(pairs) };
}

export function writePairs(value: unknown): string {
  return Object.entries((value ?? {}) as Record<string, string>)
    .map(([name, text]) => `${name}=${needsJson(text) ? JSON.stringify(text) : text}`)
    .join('\n');
}

/** `NAME PATH ro`, one a line; path and `ro` may be left out. */
export function readMounts(text: string): Reading {
  const mounts: Partial<VolumeMount>[] = [];
  for (const [number, line] of linesOf(text)) {
    const [volume, ...rest] = line.trim().split(/\s+/);
    const readOnly = rest.at(-1) === 'ro';
    const [path, ...tooMuch] = readOnly ? rest.slice(0, -1) : rest;
    if (tooMuch.length > 0) return { mistake: `line ${number}: write NAME, PATH and perhaps ro` };
    mounts.push({ volume: volume ?? '', readOnly, ...(path === undefined ? {} : { path }) });
  }
  return { value: mounts };
}

export function writeMounts(value: unknown): string {
  return ((value ?? []) as VolumeMount[])
    .map(({ volume, path, readOnly }) =>
      [volume, path, readOnly ? 'ro' : ''].filter(Boolean).join(' '),
    )
    .join('\n');
}

/** One item a line. */
export function readLines(text: string): Reading {
  return { value: linesOf(text).map(([, line]) => line.trim()) };
}

export const writeLines = (value: unknown): string => ((value ?? []) as string[]).join('\n');

/** Lines that are not blank, with their numbers. Browsers send CRLF. */
function linesOf(text: string): [number, string][] {
  return text
    .split(/\r\n|\r|\n/)
    .map((line, at): [number, string] => [at + 1, line])
    .filter(([, line]) => line.trim() !== '');
}

const needsJson = (text: string): boolean => /[\r\n]|^\s*"|^\s|\s$/.test(text);

function plainOrJson(text: string): string | null {
  if (!text.trim().startsWith('"')) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : null;
  } catch {
    return null;
  }
}
