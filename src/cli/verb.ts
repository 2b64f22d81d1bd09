import type { ParseArgsConfig } from 'node:util';
import type { LabkeeperClient } from '../client/index.ts';
import type { ExitCode } from './exit-codes.ts';
import type { Terminal } from './terminal.ts';

/** One verb of the command line. */
export interface Verb {
  name: string;
  /** After the verb: `NAME [-f]`. */
  usage: string;
  /** One line for the list of verbs. */
  summary: string;
  /** What its help says beyond that. */
  help: string;
  options: Readonly<Record<string, OptionHelp>>;
  /** What `--json` prints, for docs/cli.md: names in capitals are schemas of the OpenAPI document. */
  json: string;
  /** What its arguments are, in order; the last one stands for all that follow. */
  completes?: readonly Completes[];
  /** Where its first argument says what to do; see noun.ts. */
  actions?: readonly Action[];
  /** How many arguments it takes. */
  takes: { least: number; most: number };
  run(invocation: Invocation): Promise<ExitCode>;
}

/** One thing that a verb such as `tokens` does. */
export interface Action extends Pick<
  Verb,
  'name' | 'usage' | 'summary' | 'json' | 'takes' | 'run'
> {
  options?: Readonly<Record<string, OptionHelp>>;
  completes?: readonly Completes[];
}

/** What an argument is: where shells find it. */
export type Completes =
  | 'app'
  | 'volume'
  | 'app or job'
  | 'app, job or volume'
  | 'job'
  | 'entity'
  | 'entity or field'
  | 'person'
  | 'space'
  | 'token'
  | 'secret'
  | 'role'
  | 'file'
  | { words: readonly string[] };

type OptionConfig = NonNullable<ParseArgsConfig['options']>[string];

export type OptionHelp = OptionConfig & {
  /** What it does. */
  help: string;
  /** What its value is called. */
  value?: string;
};

/** A verb as it was typed, with what it needs to act. */
export interface Invocation {
  arguments: readonly string[];
  flag(name: string): boolean;
  text(name: string): string | null;
  /** All values of an option that may be given several times. */
  texts(name: string): readonly string[];
  json: boolean;
  terminal: Terminal;
  client: LabkeeperClient;
  /** Address that the client speaks to. */
  server: string;
  environment: Readonly<Record<string, string | undefined>>;
  /** Shows an address in the person's browser; false where there is none. */
  browse(url: string): Promise<boolean>;
  /** What is piped in, or typed without being shown. */
  readSecret(prompt: string): Promise<string>;
  /** For completion, where somebody waits at each key: a client that gives up early, and all it may take. */
  hurried: { client: LabkeeperClient; patienceMs: number };
  /** The key file of this machine: which key seals now, and a new one before it. */
  encryptionKey: {
    current(): Promise<{ file: string; keyId: string }>;
    add(): Promise<{ file: string; keyId: string }>;
  };
}
