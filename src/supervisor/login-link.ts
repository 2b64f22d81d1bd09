import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { failureText } from '../cli/failure-text.ts';
import { firstUrl, loadConfig, type Config } from '../config.ts';
import { readAddresses } from './addresses.ts';

const usage = `labkeeper login-link [NAME] [--operator] [--json]

Makes a link that logs a person in, once. Works on the machine of labkeeper, for who may read its data folder;
somebody new is added. Without NAME it is admin, as operator.

  --operator     also make them operator: they may do everything
  --json         answer in JSON
`;

/** Makes a one-time login link by the internal secret, and prints it; gives the exit code. */
export async function loginLink(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: {
        operator: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
      allowPositionals: true,
    });
    if (values.help) {
      process.stdout.write(usage);
      return 0;
    }
    const [person = 'admin'] = positionals;
    const config = loadConfig(environment);
    const addresses = await readAddresses(join(resolve(config.LABKEEPER_DATA), 'run'));
    const link = await makeLoginLink({
      apiUrl: addresses?.apiUrl ?? firstUrl(config.LABKEEPER_API_URL),
      internalToken: await readFile(internalTokenFile(config), 'utf8'),
      person,
      operator: values.operator || positionals.length === 0,
    });
    if (values.json) process.stdout.write(`${JSON.stringify(link)}\n`);
    else process.stdout.write(`${link.url}\n(logs ${person} in, once, until ${link.expiresAt})\n`);
    return 0;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const failure = new Error(`cannot make a login link: ${why}`, { cause: error });
    process.stderr.write(failureText(failure, { json: argv.includes('--json') }).text);
    return 1;
  }
}

export const internalTokenFile = (config: Config): string =>
  config.LABKEEPER_INTERNAL_TOKEN_FILE ??
  join(resolve(config.LABKEEPER_DATA), 'secrets', 'internal-token');

/** Adds the person if need be. Rejects with what the API says. */
export async function makeLoginLink(options: {
  apiUrl: string;
  internalToken: string;
  person: string;
  operator: boolean;
}): Promise<{ url: string; expiresAt: string }> {
  const { apiUrl, internalToken, person, operator } = options;
  const answer = await fetch(`${apiUrl}/internal/login-links`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${internalToken.trim()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ person, operator }),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`the API answers ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as { url: string; expiresAt: string };
}
