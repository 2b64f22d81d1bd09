import { existsSync } from 'node:fs';
import type { Config } from '../../config.ts';
import { readKeyFile } from '../../store/key-file/key-file.ts';
import { keyFileSealer } from '../../store/key-file/sealer.ts';
import type { Store } from '../../store/ports.ts';
import { encryptionKeyFile } from '../encryption-key.ts';
import { check, type Check } from './check.ts';

/** Most rows that are opened: more take too long for a look. */
const mostRows = 1_000;
const mostNamed = 5;

type Secrets = Pick<Store['secrets'], 'sealedOtherwise'>;

/** The key file by itself, and whether it opens what is in the database; `secrets` null when that is away. */
export async function checkKeyFile(config: Config, secrets: Secrets | null): Promise<Check> {
  const file = encryptionKeyFile(config);
  const name = 'encryption key';
  // Sealed under no key at all: that is every row.
  const rows = secrets === null ? null : await secrets.sealedOtherwise('', mostRows);
  if (!existsSync(file)) return absent(name, file, rows?.length ?? null);
  const remedy = `put the right key file back, from a backup or another host of this labkeeper. If others could read it: chmod 600 ${file}, then labkeeper secrets rotate-key`;
  return check(name, remedy, async () => {
    const keys = await readKeyFile(file);
    const held = `${file} holds ${keys.length === 1 ? 'a key' : `${keys.length} keys`}`;
    if (rows === null) return `${held}; the database does not answer, so nothing was opened`;
    if (rows.length === 0) return `${held}; no secret is kept yet`;
    const closed = await unopened(file, rows);
    if (closed.length === 0) return `${held} and opens ${countOf(rows.length)}`;
    const named = closed.slice(0, mostNamed).join(', ');
    const more = closed.length > mostNamed ? `, and ${closed.length - mostNamed} more` : '';
    return {
      state: 'failed',
      detail: `${held}, and ${closed.length} of ${rows.length} secrets do not open: ${named}${more}`,
      remedy: `add the missing key to ${file} as a line of its own (a backup has it), or set these again with labkeeper secrets set`,
    };
  });
}

function absent(name: string, file: string, kept: number | null): Check {
  if (kept === 0 || kept === null) {
    const detail = `${file} is not there: secrets cannot be set`;
    const remedy =
      'npm start (or `labkeeper up`) makes it; elsewhere set LABKEEPER_ENCRYPTION_KEY_FILE';
    return { name, state: 'warning', detail, remedy };
  }
  return {
    name,
    state: 'failed',
    detail: `${file} is not there, and ${countOf(kept)} cannot be opened without it`,
    remedy: 'put it back from a backup (labkeeper backup keeps it), or set the secrets again',
  };
}

async function unopened(
  file: string,
  rows: Awaited<ReturnType<Secrets['sealedOtherwise']>>,
): Promise<string[]> {
  const sealer = keyFileSealer(file);
  const closed: string[] = [];
  for (const { sealed, version: _, ...key } of rows) {
    const opens = await sealer.open(sealed, key).then(
      () => true,
      () => false,
    );
    if (!opens)
      closed.push(`${key.name} (${key.kind === 'registry' ? 'registry, ' : ''}space ${key.space})`);
  }
  return closed;
}

const countOf = (count: number): string => {
  if (count === 1) return 'the one secret';
  return count >= mostRows ? `the first ${count} secrets` : `all ${count} secrets`;
};
