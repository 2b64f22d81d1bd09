import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { eventually } from './eventually.ts';

/** A real process of the product that a test starts, kills and starts again. */
export interface Child {
  start(): Promise<void>;
  /** Ends it as an operator would; resolves with its exit code. */
  stop(): Promise<number | null>;
  /** Ends it as a power cut would. */
  kill9(): Promise<void>;
  readonly pid: number;
  /** All it logged, over all its starts. */
  output(): string;
}

/**
 * `ready` is polled until it stops throwing. Output goes to a file: a pipe to a test that ends would end
 * the child at its next write.
 */
export function createChild(options: {
  command: string;
  args: readonly string[];
  environment: Record<string, string>;
  outputFile: string;
  ready: () => Promise<void>;
}): Child {
  let child: ChildProcess | null = null;
  const output = () => {
    try {
      return readFileSync(options.outputFile, 'utf8');
    } catch {
      return '';
    }
  };
  const gone = async (signal: NodeJS.Signals): Promise<number | null> => {
    const ending = child;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return null;
    const exited = once(ending, 'exit');
    ending.kill(signal);
    await exited;
    return ending.exitCode;
  };
  return {
    async start() {
      const file = openSync(options.outputFile, 'a', 0o600);
      const started = spawn(options.command, options.args, {
        env: {
          PATH: process.env['PATH'] ?? '',
          HOME: process.env['HOME'] ?? '',
          ...options.environment,
        },
        stdio: ['ignore', file, file],
      });
      child = started;
      closeSync(file);
      const ended = once(started, 'exit').then(([code, signal]) => {
        throw new Error(`it ended with ${code ?? signal}`);
      });
      const ready = eventually(options.ready, { deadlineMs: 60_000, intervalMs: 50 });
      await Promise.race([ready, ended]).catch((error: unknown) => {
        throw new Error(`${options.args.join(' ')} is not ready:\n${output().slice(-3000)}`, {
          cause: error,
        });
      });
      // From here on an exit is what a test asked for, or what it will notice.
      ended.catch(() => undefined);
      ready.catch(() => undefined);
    },
    stop: () => gone('SIGTERM'),
    async kill9() {
      await gone('SIGKILL');
    },
    get pid() {
      if (child?.pid === undefined) throw new Error('the child was never started');
      return child.pid;
    },
    output,
  };
}
