import type { OperationJson } from '../model/api.ts';
import { durationInWords } from '../model/in-words.ts';
import { UsageError } from './exit-codes.ts';
import { plain, tinted, type Terminal } from './terminal.ts';
import type { Invocation, OptionHelp } from './verb.ts';

/** For verbs that can wait for what they asked for. */
export const waitOptions: Readonly<Record<string, OptionHelp>> = {
  wait: { type: 'boolean', help: 'wait until it is over, and show what goes on' },
  timeout: { type: 'string', value: 'SECONDS', help: 'give up waiting (default 300)' },
};

/**
 * Waits until an operation is over, and shows meanwhile what its app is doing. Giving up leaves the
 * operation as it is.
 */
export async function waitForOperation(
  invocation: Pick<Invocation, 'client' | 'terminal' | 'text'>,
  operation: OperationJson,
): Promise<OperationJson> {
  const { client, terminal, text } = invocation;
  const timeoutMs = secondsOf(text('timeout') ?? '300') * 1000;
  const over = new AbortController();
  const progress = showProgress(terminal, operation.entity);
  const [kind, name = ''] = operation.entity.split('/', 2);
  const watching = (async () => {
    if (kind !== 'app') return;
    for await (const message of client.apps.follow(name, { signal: over.signal })) {
      if (message.type !== 'app') continue;
      const { status, condition } = message.app;
      progress.say(condition.detail === null ? status : `${status}: ${condition.detail}`);
    }
  })();
  try {
    return await client.operations.wait(operation.id, { timeoutMs });
  } finally {
    over.abort();
    // Progress is a courtesy: that it could not be shown changes nothing about the operation.
    await watching.catch(() => progress.say('progress cannot be shown'));
    progress.end();
  }
}

/** One line for a person: what was asked for, and what came of it. */
export function outcomeLine(terminal: Terminal, operation: OperationJson): string {
  const { entity, verb, state, detail, links } = operation;
  const [tone, words] = {
    accepted: ['busy', `accepted; ${links.self} tells how it goes`],
    succeeded: ['good', detail ?? 'done'],
    failed: ['bad', `failed: ${detail ?? 'no reason given'}`],
  }[state] as [Parameters<typeof tinted>[1], string];
  return `${plain(entity)}  ${verb}  ${tinted(terminal, tone, plain(words))}\n`;
}

function secondsOf(given: string): number {
  const seconds = Number(given);
  if (!Number.isFinite(seconds) || seconds <= 0) {
    throw new UsageError(`--timeout ${given} is no number of seconds`);
  }
  return seconds;
}

/** Overwrites its own line for a person, writes a line a change elsewhere. */
function showProgress(terminal: Terminal, entity: string) {
  const beganAtMs = performance.now();
  let last = '';
  return {
    say(words: string) {
      if (words === last) return;
      last = words;
      const line = `${entity}  ${plain(words)} (${durationInWords(performance.now() - beganAtMs)})`;
      terminal.error(terminal.isInteractive ? `\r\u001b[K${line}` : `${line}\n`);
    },
    end() {
      if (terminal.isInteractive && last !== '') terminal.error('\r\u001b[K');
    },
  };
}
