import { hostname } from 'node:os';
import { labkeeperClient } from '../client/index.ts';
import { sleep } from '../client/sleep.ts';
import { forgetTokens, keepToken } from './credentials.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { jsonText } from './terminal.ts';
import type { Verb } from './verb.ts';

/** `labkeeper login URL`: the person confirms in a browser, this machine keeps a token. */
export const login: Verb = {
  name: 'login',
  usage: '[URL] [--no-browser]',
  summary: 'Log in to a labkeeper',
  help: 'Shows an address and a code. Who confirms it in a browser lets this command line do what they may, for 90 days. The token is kept in ~/.config/labkeeper/credentials.json; pipelines set LABKEEPER_TOKEN instead.',
  options: { 'no-browser': { type: 'boolean', help: 'only print the address' } },
  json: '`{ server, person, expiresAt }`',
  takes: { least: 0, most: 1 },
  async run({ arguments: given, flag, json, terminal, client, server, environment, browse }) {
    const [address = server] = given;
    if (!URL.canParse(address)) {
      throw new UsageError(`${address} is no URL, such as https://lab.example`);
    }
    const door = address === server ? client : labkeeperClient({ baseUrl: address });
    const waiting = await door.logins.begin(`labkeeper on ${hostname()}`);
    terminal.error(
      `Open ${waiting.verificationUrl}\nand compare the code ${waiting.userCode}. Waiting …\n`,
    );
    if (!flag('no-browser') && terminal.isInteractive) await browse(waiting.verificationUrl);
    const endsAtMs = performance.now() + waiting.expiresInMs;
    while (performance.now() < endsAtMs) {
      const taken = await door.logins.take(waiting.deviceCode);
      if (taken !== null) {
        const { token, person, expiresAt } = taken;
        const file = await keepToken(address, { token, person, expiresAt }, environment);
        if (json) terminal.out(jsonText({ server: address, person, expiresAt }));
        else terminal.out(`Logged in to ${address} as ${person}; the token is in ${file}\n`);
        return exitCodes.ok;
      }
      await sleep(waiting.pollMs);
    }
    terminal.error('labkeeper: nobody confirmed the code in time; run it again\n');
    return exitCodes.failed;
  },
};

/** `labkeeper logout`: forgets what `login` kept on this machine. */
export const logout: Verb = {
  name: 'logout',
  usage: '',
  summary: 'Forget the tokens on this machine',
  help: 'Forgets every token that login kept here. They still work elsewhere until they expire or are revoked.',
  options: {},
  json: '`{ loggedOut: true }`',
  takes: { least: 0, most: 0 },
  async run({ terminal, json, environment }) {
    await forgetTokens(environment);
    terminal.out(json ? jsonText({ loggedOut: true }) : 'Logged out.\n');
    return exitCodes.ok;
  },
};
