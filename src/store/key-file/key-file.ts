import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { LabError } from '../../model/failures.ts';

/**
 * The file that holds the encryption keys: one a line, 32 bytes as base64. The first seals, all open.
 * Lines that begin with # are notes.
 */
export interface EncryptionKey {
  /** Names the key in rows; tells nothing about it. */
  id: string;
  bytes: Buffer;
}

const keyBytes = 32;
const mostKeys = 10;
/** A key file is a few lines: what is longer is another file. */
const mostFileBytes = 4096;

/** Reads it anew each time, so that a rotation needs no restart. Throws `secret_unavailable`. */
export async function readKeyFile(path: string): Promise<EncryptionKey[]> {
  const keys = (await readLines(path)).map((line, index) => parseKey(path, line, index));
  if (keys.length === 0) throw unusable(path, 'it holds no key');
  if (keys.length > mostKeys) throw unusable(path, `it holds more than ${mostKeys} keys`);
  return keys;
}

/** Makes the file with one new key, of mode 0600, unless there is one: a key is never replaced. */
export async function makeKeyFile(path: string): Promise<void> {
  if (existsSync(path)) return;
  const draft = await writeDraft(path, [newKeyLine()]);
  try {
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
}

/**
 * Puts a new key before the others and keeps the last one, so that what is being written under it
 * can be read. Gives the id of the new key.
 */
export async function addKey(path: string): Promise<string> {
  const [last] = await readKeyFile(path);
  if (last === undefined) throw unusable(path, 'it holds no key');
  const line = newKeyLine();
  await rename(await writeDraft(path, [line, last.bytes.toString('base64')]), path);
  return parseKey(path, line, 0).id;
}

async function readLines(path: string): Promise<string[]> {
  let file;
  try {
    file = await open(path, 'r');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw unusable(path, why, error);
  }
  try {
    const { mode, size } = await file.stat();
    if ((mode & 0o077) !== 0) {
      throw unusable(
        path,
        `its mode is ${(mode & 0o777).toString(8).padStart(4, '0')}, so that others can read it. Take that away (chmod 600 ${path}), and take the keys in it for known`,
      );
    }
    if (size > mostFileBytes) throw unusable(path, `it is larger than ${mostFileBytes} bytes`);
    const text = await file.readFile('utf8');
    const lines = text.split('\n').map((line) => line.trim());
    return lines.filter((line) => line !== '' && !line.startsWith('#'));
  } finally {
    await file.close();
  }
}

/** Never says what stands in the line. */
function parseKey(path: string, line: string, index: number): EncryptionKey {
  const bytes = Buffer.from(line, 'base64');
  if (!/^[\w+/-]{43}=?$/.test(line) || bytes.length !== keyBytes) {
    throw unusable(
      path,
      `key ${index + 1} in it is not 32 bytes as base64. \`openssl rand -base64 32\` makes one`,
    );
  }
  const id = createHash('sha256').update('labkeeper key id\0').update(bytes).digest('hex');
  return { id: id.slice(0, 12), bytes };
}

const newKeyLine = (): string => randomBytes(keyBytes).toString('base64');

/** Beside the file, on the disk before it gets its name: a lost key loses every secret. */
async function writeDraft(path: string, lines: readonly string[]): Promise<string> {
  const draft = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.new`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${lines.join('\n')}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  return draft;
}

function unusable(path: string, why: string, cause?: unknown): LabError {
  return new LabError(
    'secret_unavailable',
    `cannot use the encryption key file ${path}: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
