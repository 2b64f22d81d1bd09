import { readFileSync } from 'node:fs';

/** The secret in a file, without its final newline. Throws a sentence that names setting and file. */
export function readSecretFile(setting: string, path: string | undefined): string {
  if (path === undefined) throw new Error(`cannot start: ${setting} is not set`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new Error(`cannot read the file that ${setting} names (${path})`, { cause: error });
  }
  if (text.length < 16) {
    throw new Error(`the file that ${setting} names (${path}) holds fewer than 16 characters`);
  }
  return text;
}
