import { dirname, resolve } from 'node:path';
import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type Document } from 'yaml';
import { appSpecSchema, namedAppSpecSchema, type AppSpecInput } from '../model/app-spec.ts';
import { maxManifestApps } from '../model/manifest-api.ts';

/** What a `labkeeper.yaml` describes, or every mistake in it. Never both. */
export interface Manifest {
  apps: { name: string; spec: AppSpecInput }[];
  mistakes: Mistake[];
}

export interface Mistake {
  /** Counted from 1. */
  line: number;
  /** Counted from 1; null where the file is one document. */
  document: number | null;
  /** Field, such as `apps[0].idle.idleAfterMs`; empty for the file as a whole. */
  path: string;
  message: string;
}

type Path = readonly (string | number)[];

export const maxManifestBytes = 1024 * 1024;

/**
 * Reads the text of a `labkeeper.yaml`, of one document or of several after `---`. A relative `workingDirectory` is
 * meant from the file's own folder, so that a manifest can lie beside what it runs.
 */
export function readManifest(text: string, file: string): Manifest {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const documents = 'empty' in parsed ? [] : parsed;
  const mistakes: Mistake[] = [];
  const apps: Manifest['apps'] = [];
  const seen = new Map<string, string>();
  for (const [index, document] of documents.entries()) {
    const number = documents.length === 1 ? null : index + 1;
    const report = (path: Path, message: string) => {
      const line = lineOf(document, lines, path);
      mistakes.push({ line, document: number, path: fieldName(path), message });
    };
    for (const { message, pos } of document.errors) {
      const { line } = lines.linePos(pos[0]);
      mistakes.push({ line, document: number, path: '', message });
    }
    if (document.errors.length > 0) continue;
    // What stands before a first or after a last `---` is nothing, and no mistake.
    if (number !== null && document.contents === null) continue;
    for (const [at, entry] of appsOf(document, report).entries()) {
      const read = readApp(entry, dirname(resolve(file)), (path, message) =>
        report(['apps', at, ...path], message),
      );
      if (read === null) continue;
      const first = seen.get(read.name);
      const here = `apps[${at}]${number === null ? '' : ` of document ${number}`}`;
      if (first === undefined) seen.set(read.name, here);
      else report(['apps', at, 'name'], `${read.name} is described before, as ${first}`);
      apps.push(read);
    }
  }
  if (documents.length === 0) {
    const message = 'a manifest is a mapping with the key apps';
    mistakes.push({ line: 1, document: null, path: '', message });
  }
  if (apps.length > maxManifestApps) {
    const message = `there are ${apps.length} apps, and the limit is ${maxManifestApps}`;
    mistakes.push({ line: 1, document: null, path: 'apps', message });
  }
  mistakes.sort((left, right) => left.line - right.line);
  return mistakes.length > 0 ? { apps: [], mistakes } : { apps, mistakes };
}

/** `labkeeper.yaml:7: apps[0].port: …`, the form that editors know. */
export function mistakeLine(file: string, mistake: Mistake): string {
  const { line, document, path, message } = mistake;
  const where = document === null ? '' : `document ${document}: `;
  return `${file}:${line}: ${where}${path === '' ? '' : `${path}: `}${message}`;
}

function appsOf(document: Document, report: (path: Path, message: string) => void): unknown[] {
  const { contents } = document;
  if (!isMap(contents)) {
    report([], 'a manifest is a mapping with the key apps');
    return [];
  }
  for (const { key } of contents.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    if (name !== 'apps') report([name], 'is not a known field');
  }
  const list = contents.get('apps');
  if (!isSeq(list)) {
    report(contents.has('apps') ? ['apps'] : [], 'apps must be a list of apps');
    return [];
  }
  return plainList(document, report);
}

/** Aliases are followed, up to a bound: a small file may not become a large one. */
function plainList(document: Document, report: (path: Path, message: string) => void): unknown[] {
  try {
    return (document.toJS({ maxAliasCount: 100 }) as { apps: unknown[] }).apps;
  } catch (error) {
    report(['apps'], error instanceof Error ? error.message : String(error));
    return [];
  }
}

function readApp(
  entry: unknown,
  folder: string,
  report: (path: Path, message: string) => void,
): { name: string; spec: AppSpecInput } | null {
  const given = withFolder(entry, folder);
  const parsed = namedAppSpecSchema.safeParse(given);
  if (parsed.success) {
    const { name, ...spec } = given as { name: string } & AppSpecInput;
    return { name, spec };
  }
  const issues = [...parsed.error.issues, ...rulesBetweenFields(given)];
  const told = new Set<string>();
  for (const issue of issues) {
    const path = issue.path.map((key) => (typeof key === 'symbol' ? String(key) : key));
    const found =
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ path: [...path, key], message: 'is not a known field' }))
        : [{ path, message: issue.message }];
    for (const each of found) {
      const known = JSON.stringify(each);
      if (!told.has(known)) report(each.path, each.message);
      told.add(known);
    }
  }
  return null;
}

/**
 * A schema looks at its rules between fields only when every field alone is right. A person wants
 * all mistakes at once: here the rules are asked about which fields are there at all.
 */
function rulesBetweenFields(given: unknown) {
  if (typeof given !== 'object' || given === null) return [];
  const { image, command, port } = given as Record<string, unknown>;
  const present = {
    ...(image === undefined ? {} : { image: 'image' }),
    ...(command === undefined ? {} : { command: ['command'] }),
    ...(port === undefined ? {} : { port: 1 }),
  };
  return appSpecSchema.safeParse(present).error?.issues ?? [];
}

function withFolder(entry: unknown, folder: string): unknown {
  if (typeof entry !== 'object' || entry === null) return entry;
  const { workingDirectory, image } = entry as Record<string, unknown>;
  const isOurs = typeof workingDirectory === 'string' && image === undefined;
  return isOurs ? { ...entry, workingDirectory: resolve(folder, workingDirectory) } : entry;
}

/** Of the field, or of the nearest thing around it that is there. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  for (let depth = path.length; depth > 0; depth -= 1) {
    const parent = depth === 1 ? document.contents : document.getIn(path.slice(0, depth - 1), true);
    const last = path[depth - 1];
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && key.value === last)
      : undefined;
    const node = isSeq(parent) ? parent.get(Number(last), true) : pair?.key;
    const start = (node as { range?: [number, number, number] | null } | undefined)?.range?.[0];
    if (start !== undefined) return lines.linePos(start).line;
  }
  return 1;
}

function fieldName(path: Path): string {
  return path.reduce<string>((name, key) => {
    if (typeof key === 'number') return `${name}[${key}]`;
    return name === '' ? key : `${name}.${key}`;
  }, '');
}
