import { randomUUID } from 'node:crypto';
import { jsonText } from './terminal.ts';
import type { LabkeeperClient } from '../client/index.ts';
import type { OperationJson } from '../model/api.ts';
import { findApp, findVolume, saysVolume } from './entity-argument.ts';
import { exitCodes, UsageError, type ExitCode } from './exit-codes.ts';
import type { Invocation, Verb } from './verb.ts';
import { outcomeLine, waitForOperation, waitOptions } from './wait.ts';

type Send<Of> = (
  of: Of,
  name: string,
  options: { why?: string; idempotencyKey: string },
) => Promise<OperationJson>;
type Command = Send<LabkeeperClient['apps']>;
type VolumeCommand = Send<LabkeeperClient['volumes']>;

const yes = {
  yes: { type: 'boolean', short: 'y', help: 'remove volumes with everything in them' },
} as const;

/** `start`, `stop`, `restart`, `keep-awake`, `rm`: what changes an app that is there; `rm` also volumes. */
export const commands: readonly Verb[] = [
  command('start', 'Wake apps', 'Wakes them as a visit would.', (apps, name, options) =>
    apps.start(name, options),
  ),
  command(
    'stop',
    'Put apps to sleep',
    'Puts them to sleep, in use or not. The next visit wakes them again.',
    (apps, name, options) => apps.stop(name, options),
  ),
  command(
    'restart',
    'Replace running instances',
    'Starts a fresh instance.',
    (apps, name, options) => apps.restart(name, options),
  ),
  command(
    'keep-awake',
    'Count as use now',
    'Counts as use now, so that the idle clocks begin anew. An app that sleeps is not woken.',
    (apps, name, options) => apps.keepAwake(name, options),
  ),
  command(
    'rm',
    'Stop and remove apps, or remove volumes',
    'Stops and removes apps. Their timelines and volumes stay; nothing else does. A volume is removed with everything in it, only when it is called volume/NAME and --yes is said, and never while an app names it.',
    (apps, name, options) => apps.remove(name, options),
    (volumes, name, options) => volumes.remove(name, options),
  ),
];

function command(
  name: string,
  summary: string,
  help: string,
  send: Command,
  sendVolume?: VolumeCommand,
): Verb {
  return {
    name,
    usage: `NAME… [--wait] [--why TEXT]${sendVolume === undefined ? '' : ' [--yes]'}`,
    summary,
    help: `${help} Returns when it is accepted; --wait when it is over.`,
    options: {
      ...waitOptions,
      why: { type: 'string', value: 'TEXT', help: 'shown in the timeline' },
      ...(sendVolume === undefined ? {} : yes),
    },
    json: '`Operation`; of several names `Operation[]`',
    completes: [sendVolume === undefined ? 'app' : 'app or volume'],
    takes: { least: 1, most: 50 },
    run: (invocation) => run(invocation, send, sendVolume),
  };
}

async function run(
  invocation: Invocation,
  send: Command,
  sendVolume: VolumeCommand | undefined,
): Promise<ExitCode> {
  const { client, terminal, json, flag, text } = invocation;
  const why = text('why');
  const volumes = sendVolume === undefined ? [] : invocation.arguments.filter(saysVolume);
  if (volumes.length > 0 && !flag('yes')) {
    throw new UsageError(
      `this removes ${volumes.join(', ')} with everything in it, for good: say --yes if that is meant`,
    );
  }
  // All names are looked up first: a typing error in the third must not leave two done.
  const found = await Promise.all(
    invocation.arguments.map(async (argument) => {
      if (sendVolume === undefined || !saysVolume(argument)) {
        const { name } = await findApp(client, argument);
        return (options: Parameters<Command>[2]) => send(client.apps, name, options);
      }
      const { name } = await findVolume(client, argument);
      return (options: Parameters<Command>[2]) => sendVolume(client.volumes, name, options);
    }),
  );
  const operations: OperationJson[] = [];
  for (const act of found) {
    const idempotencyKey = randomUUID();
    const accepted = await act({ ...(why === null ? {} : { why }), idempotencyKey });
    const operation = flag('wait') ? await waitForOperation(invocation, accepted) : accepted;
    operations.push(operation);
    if (!json) terminal.out(outcomeLine(terminal, operation));
  }
  if (json) terminal.out(jsonText(operations.length === 1 ? operations[0] : operations));
  return operations.some(({ state }) => state === 'failed') ? exitCodes.failed : exitCodes.ok;
}
