import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { LabError } from '../model/failures.ts';
import { registryOf } from '../model/registry.ts';
import { defaultSpace, secretFile, secretVariable } from '../model/secret-sources.ts';
import type { RegistryCredentials } from '../runtime/containers.ts';
import type { AppSpec } from '../model/app-spec.ts';
import type { Store } from '../store/ports.ts';
import type { Sealer, SecretKey, SecretUse } from '../store/secret-ports.ts';

/** Where secrets of this host come from, beside the rows of the store. */
export interface SecretSources {
  /** Null where no encryption key is set up. */
  sealer: Sealer | null;
  /** Folder with a file a secret; null where none is set up. */
  folder: string | null;
  /** Variables of the worker that are secrets, by their whole name. */
  variables: ReadonlyMap<string, string>;
  maxBytes: number;
}

/** An app or a job: its space, and what it asks for. */
interface Wanting {
  space: string;
  spec: Pick<AppSpec, 'secrets' | 'image'>;
}

/**
 * Reads what an app or a job may know, on the host that starts it, at the moment it is started. Nothing here
 * is logged, returned to a workflow or written, but versions and where each came from.
 */
export function appSecrets(ports: { store: Store; host: string; secrets: SecretSources }) {
  const { store, host, secrets: sources } = ports;
  return {
    /**
     * The secret variables of one of them, and a note of their versions for `instance`. Throws
     * `secret_unavailable` that names every one that cannot be had, where it was looked for, and
     * what to do.
     */
    async environment(app: Wanting, instance: string): Promise<Record<string, string>> {
      const names = [...new Set(Object.values(app.spec.secrets))];
      if (names.length === 0) return {};
      const found = new Map<string, { value: string; use: SecretUse }>();
      const missing: string[] = [];
      for (const name of names) {
        const one = await find({ space: app.space, kind: 'value', name });
        if (one === null) missing.push(name);
        else found.set(name, one);
      }
      if (missing.length > 0) throw missingSecrets(app, missing);
      await store.secrets.noteUse(
        instance,
        [...found.values()].map(({ use }) => use),
      );
      return Object.fromEntries(
        Object.entries(app.spec.secrets).map(([variable, name]) => [
          variable,
          found.get(name)?.value ?? '',
        ]),
      );
    },

    /** What is set for the registry of its image in its space; null when nothing is. */
    async registryCredentials({ space, spec }: Wanting): Promise<RegistryCredentials | null> {
      if (spec.image === undefined) return null;
      const key = { space, kind: 'registry', name: registryOf(spec.image) } as const;
      const row = await store.secrets.find(key);
      if (row === null) return null;
      return JSON.parse(await unseal(row.sealed, key)) as RegistryCredentials;
    },
  };

  /** The row wins over the file, the file over the variable; null when there is none of them. */
  async function find(key: SecretKey): Promise<{ value: string; use: SecretUse } | null> {
    const { space, name } = key;
    const row = await store.secrets.find(key);
    if (row !== null) {
      const value = await unseal(row.sealed, key);
      return { value, use: { name, version: row.secret.version, source: 'store' } };
    }
    const file = sources.folder === null ? null : join(sources.folder, secretFile(space, name));
    const written = file === null ? null : await readSecret(name, file, sources.maxBytes);
    if (written !== null) {
      return { value: written, use: { name, version: null, source: 'file' } };
    }
    const value = sources.variables.get(secretVariable(space, name) ?? '');
    return value === undefined ? null : { value, use: { name, version: null, source: 'variable' } };
  }

  async function unseal(sealed: Parameters<Sealer['open']>[0], key: SecretKey): Promise<string> {
    if (sources.sealer !== null) return sources.sealer.open(sealed, key);
    throw new LabError(
      'secret_unavailable',
      `cannot read ${key.name} on host ${host}: LABKEEPER_ENCRYPTION_KEY_FILE is not set for its worker. Set it to the file that the API uses`,
    );
  }

  function missingSecrets({ space, spec }: Wanting, missing: string[]): LabError {
    const sentences = missing.map((name) => {
      const variables = Object.entries(spec.secrets).filter(([, used]) => used === name);
      const places = [`in the secrets of the space ${space}`];
      if (sources.folder !== null) {
        places.push(`in the file ${join(sources.folder, secretFile(space, name))} of host ${host}`);
      }
      const variable = secretVariable(space, name);
      if (variable !== null) places.push(`in the variable ${variable} of the worker on ${host}`);
      const where = `${places.slice(0, -1).join(', ')}${places.length > 1 ? ' and ' : ''}${places.at(-1)}`;
      return `the secret ${name} (for ${variables.map(([key]) => key).join(', ')}) is missing: it was looked for ${where}`;
    });
    const more = space === defaultSpace ? '' : ` --space ${space}`;
    const commands = missing.map((name) => `\`labkeeper secrets set ${name}${more}\``);
    return new LabError(
      'secret_unavailable',
      `${sentences.join('; ')}. Set it with ${commands.join(' and ')}, and it starts`,
      { details: { missing } },
    );
  }
}

/** Without one final newline, which editors add. Null when there is no such file. */
async function readSecret(name: string, file: string, maxBytes: number): Promise<string | null> {
  const refuse = (why: string) =>
    new LabError('secret_unavailable', `cannot use the secret ${name} in the file ${file}: ${why}`);
  let bytes: Buffer;
  try {
    const handle = await open(file, 'r');
    try {
      // One more than may be: what is longer shows as longer, and is not read.
      const { bytesRead, buffer } = await handle.read(
        Buffer.alloc(maxBytes + 2),
        0,
        maxBytes + 2,
        0,
      );
      bytes = buffer.subarray(0, bytesRead);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return null;
    throw refuse(`it cannot be read (${code}). Let the user of the worker read it`);
  }
  const text = bytes.toString('utf8').replace(/\r?\n$/, '');
  if (Buffer.byteLength(text) > maxBytes) {
    throw refuse(`it is larger than ${maxBytes} bytes (LABKEEPER_MAX_SECRET_BYTES)`);
  }
  if (text.includes('\0')) throw refuse('it holds a NUL character, which no variable can');
  return text;
}
