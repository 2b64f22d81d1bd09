import { randomUUID } from 'node:crypto';
import { jsonText } from './terminal.ts';
import type { LabkeeperClient } from '../client/index.ts';
import type { OperationJson } from '../model/api.ts';
import { cancelJob } from './cancel.ts';
import { findApp, findJob, findVolume, saysJob, saysVolume } from './entity-argument.ts';
import { jobOutcomeLine } from './job-wait.ts';
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
    'Put apps to sleep, or cancel jobs',
    'Puts them to sleep, in use or not. The next visit wakes them again. A job that is called job/ID is canceled, as cancel does.',
    (apps, name, options) => apps.stop(name, options),
    { job: cancelJobCommand },
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
    'Stop and remove apps, or remove jobs or volumes',
    'Stops and removes apps. Their timelines and volumes stay; nothing else does. A job is removed with its output when it is over and is called job/ID; its timeline stays. A volume is removed with everything in it, only when it is called volume/NAME and --yes is said, and never while an app names it.',
    (apps, name, options) => apps.remove(name, options),
    { volume: (volumes, name, options) => volumes.remove(name, options), job: removeJob },
  ),
];

/** What a command did to one thing. */
interface Done {
  json: unknown;
  line: string;
  failed: boolean;
}

/** For verbs that others than apps have too. */
interface Others {
  volume?: VolumeCommand;
  job?: (invocation: Invocation, id: string) => Promise<Done>;
}

function command(
  name: string,
  summary: string,
  help: string,
  send: Command,
  others: Others = {},
): Verb {
  const { volume, job } = others;
  const answers = job === undefined ? '`Operation`' : '`Operation`, of a job `Job`';
  return {
    name,
    usage: `NAME… [--wait] [--why TEXT]${volume === undefined ? '' : ' [--yes]'}`,
    summary,
    help: `${help} Returns when it is accepted; --wait when it is over.`,
    options: {
      ...waitOptions,
      why: { type: 'string', value: 'TEXT', help: 'shown in the timeline' },
      ...(volume === undefined ? {} : yes),
    },
    json: `${answers}; of several names an array of them`,
    completes: [
      volume !== undefined ? 'app, job or volume' : job !== undefined ? 'app or job' : 'app',
    ],
    takes: { least: 1, most: 50 },
    run: (invocation) => run(invocation, send, others),
  };
}

async function run(invocation: Invocation, send: Command, others: Others): Promise<ExitCode> {
  const { terminal, json, flag } = invocation;
  const volumes = others.volume === undefined ? [] : invocation.arguments.filter(saysVolume);
  if (volumes.length > 0 && !flag('yes')) {
    throw new UsageError(
      `this removes ${volumes.join(', ')} with everything in it, for good: say --yes if that is meant`,
    );
  }
  // All names are looked up first: a typing error in the third must not leave two done.
  const found = await Promise.all(
    invocation.arguments.map((argument) => lookUp(invocation, argument, send, others)),
  );
  const all: Done[] = [];
  for (const act of found) {
    const done = await act();
    all.push(done);
    if (!json) terminal.out(done.line);
  }
  const answers = all.map((done) => done.json);
  if (json) terminal.out(jsonText(answers.length === 1 ? answers[0] : answers));
  return all.some(({ failed }) => failed) ? exitCodes.failed : exitCodes.ok;
}

/** What is to be done to the thing of that name, once all are known to be there. */
async function lookUp(
  invocation: Invocation,
  argument: string,
  send: Command,
  { volume, job }: Others,
): Promise<() => Promise<Done>> {
  const { client, terminal, flag, text } = invocation;
  const why = text('why');
  const accepted =
    (act: (options: Parameters<Command>[2]) => Promise<OperationJson>) => async () => {
      const idempotencyKey = randomUUID();
      const begun = await act({ ...(why === null ? {} : { why }), idempotencyKey });
      const operation = flag('wait') ? await waitForOperation(invocation, begun) : begun;
      const line = outcomeLine(terminal, operation);
      return { json: operation, line, failed: operation.state === 'failed' };
    };
  if (job !== undefined && saysJob(argument)) {
    const { id } = await findJob(client, argument);
    return () => job(invocation, id);
  }
  if (volume !== undefined && saysVolume(argument)) {
    const { name } = await findVolume(client, argument);
    return accepted((options) => volume(client.volumes, name, options));
  }
  const { name } = await findApp(client, argument);
  return accepted((options) => send(client.apps, name, options));
}

async function cancelJobCommand(invocation: Invocation, id: string): Promise<Done> {
  const job = await cancelJob(invocation, id);
  return { json: job, line: jobOutcomeLine(invocation.terminal, job), failed: false };
}

async function removeJob({ client, text }: Invocation, id: string): Promise<Done> {
  const job = await client.jobs.show(id);
  const why = text('why');
  await client.jobs.remove(id, why === null ? {} : { why });
  return { json: job, line: `job/${id}  removed\n`, failed: false };
}
