import type { LabkeeperClient } from '../client/index.ts';
import type { RegistryJson, SecretJson } from '../model/secret-api.ts';
import { collect } from './collect.ts';
import { exitCodes, UsageError, type ExitCode } from './exit-codes.ts';
import { fields, table } from './table.ts';
import { jsonText, type Terminal } from './terminal.ts';
import type { Invocation, Verb } from './verb.ts';

const usage = 'list | set NAME | rm NAME | registry set|rm HOST | rotate-key';

export const secrets: Verb = {
  name: 'secrets',
  usage,
  summary: 'Set what apps need and nobody may read',
  help: 'A value comes from standard input, or is asked for without showing it; it is never an argument, and nobody can read it again. Apps name it in `secrets` of their definition and get it at their next start. `registry` keeps how to log in to an image registry. `rotate-key` makes a new key in the key file of this machine and seals everything anew under it.',
  options: {
    space: { type: 'string', value: 'SPACE', help: 'space they belong to (default: default)' },
    username: { type: 'string', value: 'NAME', help: 'user name at the registry' },
  },
  json: 'list: `{ secrets: Secret[], registries: Registry[] }`; set and rm: `Secret`; registry set and rm: `Registry`; rotate-key: `{ file, keyId, resealed }`',
  completes: [{ words: ['list', 'set', 'rm', 'registry', 'rotate-key'] }, 'secret'],
  takes: { least: 0, most: 3 },
  async run(invocation) {
    const [what = 'list', name, host, ...more] = invocation.arguments;
    if (what === 'list' && name === undefined) return list(invocation);
    if (what === 'rotate-key' && name === undefined) return rotateKey(invocation);
    if (name !== undefined && host === undefined) {
      if (what === 'set') return setSecret(invocation, name);
      if (what === 'rm') return removeSecret(invocation, name);
    }
    if (what === 'registry' && host !== undefined && more.length === 0) {
      if (name === 'set') return setRegistry(invocation, host);
      if (name === 'rm') return removeRegistry(invocation, host);
    }
    throw new UsageError(`secrets takes: ${usage}`);
  },
};

const where = ({ text }: Invocation): { space?: string } => {
  const space = text('space');
  return space === null ? {} : { space };
};

async function list(invocation: Invocation): Promise<ExitCode> {
  const { client, terminal, json } = invocation;
  const values = await collect(client.secrets.all(where(invocation)));
  const registries = await collect(client.registries.all(where(invocation)));
  if (json) {
    terminal.out(jsonText({ secrets: values, registries }));
    return exitCodes.ok;
  }
  const rows = [
    ...values.map((secret) => row(secret.name, secret)),
    ...registries.map((registry) => row(`registry ${registry.host}`, registry)),
  ];
  if (rows.length > 0) {
    terminal.out(table(terminal, ['name', 'version', 'set by', 'at', 'used by'], rows));
  } else terminal.error('None are set. Set one with: labkeeper secrets set NAME\n');
  return exitCodes.ok;
}

function row(name: string, kept: Omit<SecretJson, 'name'>): string[] {
  const { version, changedBy, changedAt, usedBy } = kept;
  const at = changedAt.replace(/T(\d\d:\d\d).*$/, ' $1');
  const users = usedBy.map((app) => `app/${app}`).join(', ');
  return [name, String(version), changedBy, at, users === '' ? '-' : users];
}

async function setSecret(invocation: Invocation, name: string): Promise<ExitCode> {
  if (invocation.text('username') !== null) {
    throw new UsageError('--username is for secrets registry set');
  }
  const value = await readValue(invocation, `Value of ${name}`);
  return tell(invocation, await invocation.client.secrets.set(name, value, where(invocation)));
}

async function removeSecret(invocation: Invocation, name: string): Promise<ExitCode> {
  const removed = await invocation.client.secrets.remove(name, where(invocation));
  return removedWords(invocation, removed, `secret ${name}`);
}

async function setRegistry(invocation: Invocation, host: string): Promise<ExitCode> {
  const username = invocation.text('username');
  if (username === null) {
    throw new UsageError('say who you are there: secrets registry set HOST --username NAME');
  }
  const password = await readValue(invocation, `Password or token of ${username} at ${host}`);
  const credentials = { username, password };
  const set = await invocation.client.registries.set(host, credentials, where(invocation));
  return tell(invocation, set);
}

async function removeRegistry(invocation: Invocation, host: string): Promise<ExitCode> {
  const removed = await invocation.client.registries.remove(host, where(invocation));
  return removedWords(invocation, removed, `credentials of registry ${host}`);
}

/**
 * Makes a key here, and lets the API seal everything under it. Keys but the last are dropped by that,
 * so everything is brought under the last one first: a repeat after a failure loses nothing.
 */
async function rotateKey(invocation: Invocation): Promise<ExitCode> {
  const { client, terminal, json, encryptionKey } = invocation;
  await resealUnder(client, await encryptionKey.current());
  const { file, keyId } = await encryptionKey.add();
  const resealed = await resealUnder(client, { file, keyId });
  if (json) terminal.out(jsonText({ file, keyId, resealed }));
  else terminal.out(`${resealed} sealed anew under key ${keyId} in ${file}\n`);
  return exitCodes.ok;
}

async function resealUnder(
  client: LabkeeperClient,
  { file, keyId }: { file: string; keyId: string },
): Promise<number> {
  const sealed = await client.secrets.reseal();
  if (sealed.keyId === keyId) return sealed.resealed;
  throw new Error(
    `cannot rotate: the first key in ${file} is ${keyId}, but the API seals under ${sealed.keyId}. Run this where the key file of the API is`,
  );
}

async function readValue({ readSecret }: Invocation, prompt: string): Promise<string> {
  const value = await readSecret(prompt);
  if (value === '') throw new UsageError('the value is empty: nothing was set');
  return value;
}

function tell({ terminal, json }: Invocation, set: SecretJson | RegistryJson): ExitCode {
  if (json) terminal.out(jsonText(set));
  else terminal.out(fieldsOf(terminal, set));
  return exitCodes.ok;
}

function fieldsOf(terminal: Terminal, set: SecretJson | RegistryJson): string {
  const users = set.usedBy.map((app) => `app/${app}`).join(', ');
  return fields(terminal, [
    'name' in set ? ['secret', set.name] : ['registry', set.host],
    ['version', String(set.version)],
    ['used by', users === '' ? null : `${users} (from their next start)`],
  ]);
}

function removedWords(
  { terminal, json }: Invocation,
  removed: SecretJson | RegistryJson,
  what: string,
): ExitCode {
  terminal.out(json ? jsonText(removed) : `removed the ${what}\n`);
  return exitCodes.ok;
}
