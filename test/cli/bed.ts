import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdaptorServer } from '@hono/node-server';
import { labkeeperClient } from '../../src/client/index.ts';
import { runCommandLine } from '../../src/cli/command-line.ts';
import type { ExitCode } from '../../src/cli/exit-codes.ts';
import { addKey, readKeyFile } from '../../src/store/key-file/key-file.ts';
import { openApi, type ApiBed } from '../api/bed.ts';

export interface CommandLineBed {
  api: ApiBed;
  url: string;
  /** Runs one command line inside this process against the API. */
  run(...args: string[]): Promise<Ended>;
  /** What the next command line is given as a secret, and how it asked for it. */
  secret: { value: string; asked: string[] };
  /** Addresses that were handed to the browser. */
  browsed: string[];
  /** Where the command line keeps what it remembers. */
  configHome: string;
  close(): Promise<void>;
}

interface Ended {
  code: ExitCode;
  out: string;
  error: string;
  /** What went out as bytes. */
  bytes: Buffer;
}

/** The real API on a free port, and the command line on its client. */
export async function openCommandLine(
  options: Parameters<typeof openApi>[0] & {
    token?: { token: string };
    isOutputInteractive?: boolean;
  } = {},
): Promise<CommandLineBed> {
  const api = await openApi(options);
  const server = createAdaptorServer({ fetch: api.app.fetch }) as Server;
  const url = await listen(server);
  const browsed: string[] = [];
  const configHome = await mkdtemp(join(tmpdir(), 'labkeeper-cli-'));
  const secret: CommandLineBed['secret'] = { value: '', asked: [] };
  return {
    api,
    url,
    browsed,
    configHome,
    secret,
    async run(...args) {
      const written = { out: '', error: '' };
      const bytes: Uint8Array[] = [];
      const code = await runCommandLine(args, {
        terminal: {
          out: (text) => void (written.out += text),
          bytes: async (chunk) => void bytes.push(chunk),
          error: (text) => void (written.error += text),
          isInteractive: false,
          isOutputInteractive: options.isOutputInteractive ?? false,
          colors: false,
        },
        connect: async (named) => {
          const client = labkeeperClient({ baseUrl: named ?? url, ...options.token });
          return { client, server: named ?? url, hurried: { client, patienceMs: 10_000 } };
        },
        environment: { XDG_CONFIG_HOME: configHome },
        browse: async (address) => {
          browsed.push(address);
          return true;
        },
        readSecret: async (prompt) => {
          secret.asked.push(prompt);
          return secret.value;
        },
        encryptionKey: {
          current: async () => ({
            file: api.keyFile,
            keyId: (await readKeyFile(api.keyFile))[0]?.id ?? '',
          }),
          add: async () => ({ file: api.keyFile, keyId: await addKey(api.keyFile) }),
        },
      });
      return { code, ...written, bytes: Buffer.concat(bytes) };
    },
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
      await api.close();
      await rm(configHome, { recursive: true, force: true });
    },
  };
}

/** An address where nothing listens: it was free a moment ago. */
export async function deadAddress(): Promise<string> {
  const server = createServer();
  const url = await listen(server);
  await new Promise((done) => server.close(done));
  return url;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
