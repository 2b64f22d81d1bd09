import { readInstanceLog } from './logs.ts';
import { inspectInstance } from './inspect.ts';
import type { Engine } from './engine.ts';

/** How an init process, as shells do, ends when it could not run its command. */
const notRunCodes: readonly (number | null | undefined)[] = [126, 127];
/** What the init process of the engine (tini) writes before that. */
const lastWords = /^\[FATAL tini \(\d+\)\] exec (.+) failed: (.+)$/m;
const tailBytes = 4_096;

/**
 * The engine starts its init process, which finds the command missing only then: to the engine that is
 * a container which ran and exited. A shell that misses a command of its script ends with the same code
 * and other words.
 */
export async function commandRefusal(engine: Engine, name: string): Promise<string | null> {
  const instance = await inspectInstance(engine, name);
  if (!notRunCodes.includes(instance?.exit?.exitCode)) return null;
  const { bytes } = await readInstanceLog(engine, name, { tailBytes, maxBytes: tailBytes });
  const [, command, why] = lastWords.exec(new TextDecoder().decode(bytes)) ?? [];
  return command === undefined ? null : `cannot run ${command}: ${why?.trim() ?? ''}`;
}
