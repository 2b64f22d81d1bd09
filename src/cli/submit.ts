import { readFile } from 'node:fs/promises';
import type { JobJson } from '../model/job-api.ts';
import type { JobSubmissionInput } from '../model/job-spec.ts';
import { durationMs } from './duration.ts';
import { exitCodes, UsageError, type ExitCode } from './exit-codes.ts';
import { exitCodeOf, jobOutcomeLine, waitForJob } from './job-wait.ts';
import { jsonText, withoutSteering } from './terminal.ts';
import type { Invocation, Verb } from './verb.ts';
import { wholeNumber } from './whole-number.ts';

export const submit: Verb = {
  name: 'submit',
  usage: '[--image IMAGE | --type NAME] [OPTIONS] [-- COMMAND…]',
  summary: 'Submit a job: a computation that runs and ends',
  help: 'Runs a container of an image, or a command. In the command {config} is replaced by the file with its config, {output} by the folder for progress.json, result.json and whatever else it leaves. Returns when it is accepted; with --wait or --follow when it is over, with the code that its program ended with.',
  options: {
    image: { type: 'string', value: 'IMAGE', help: 'run a container of this image' },
    type: { type: 'string', value: 'NAME', help: 'a job of this type: it knows what runs' },
    config: {
      type: 'string',
      value: 'FILE',
      help: 'what it is to compute: a JSON file, or JSON itself',
    },
    cpus: { type: 'string', value: 'N', help: 'cores it may use (default 1)' },
    memory: {
      type: 'string',
      value: 'SIZE',
      help: 'memory it may use, such as 512M or 4G (default 2G)',
    },
    gpus: { type: 'string', value: 'N', help: 'GPUs it needs' },
    priority: {
      type: 'string',
      value: 'N',
      help: 'from -100 to 100; higher goes first, for a while',
    },
    title: { type: 'string', value: 'TEXT', help: 'shown to people' },
    tag: {
      type: 'string',
      value: 'KEY=VALUE',
      multiple: true,
      help: 'to find it by; may be given several times',
    },
    space: { type: 'string', value: 'SPACE', help: 'space it belongs to (default: default)' },
    host: { type: 'string', value: 'NAME', help: 'the one host that may run it' },
    id: { type: 'string', value: 'ID', help: 'an id of your own; the same again is the same job' },
    'idempotency-key': {
      type: 'string',
      value: 'KEY',
      help: 'a repeat with the same key is the same job',
    },
    retries: { type: 'string', value: 'N', help: 'further attempts when it fails (default 0)' },
    deadline: {
      type: 'string',
      value: 'TIME',
      help: 'longest run of an attempt, such as 90min (default 24h)',
    },
    wait: { type: 'boolean', help: 'wait until it is over, and show its progress' },
    follow: { type: 'boolean', short: 'f', help: 'wait, and print its output as it comes' },
  },
  json: '`SubmittedJob`; with --wait the `Job` when it is over; with --follow a line `{ id, text }` a piece of output, then a line `Job`',
  takes: { least: 0, most: 1_000 },
  async run(invocation) {
    const { client, terminal, json, flag, text } = invocation;
    const id = text('id');
    const idempotencyKey = text('idempotency-key');
    if (id !== null && idempotencyKey !== null) {
      throw new UsageError('give --id or --idempotency-key: either makes a repeat the same job');
    }
    const job = await client.jobs.submit(await specOf(invocation), {
      ...(id === null ? {} : { id }),
      ...(idempotencyKey === null ? {} : { idempotencyKey }),
    });
    if (flag('follow')) return follow(invocation, job);
    if (!flag('wait')) {
      const again = job.outcome === 'existing' ? ' was submitted before' : ' is submitted';
      terminal.out(json ? jsonText(job) : `job/${job.id}\n`);
      if (!json && terminal.isInteractive) {
        terminal.error(`It${again}: labkeeper logs -f job/${job.id} follows it.\n`);
      }
      return exitCodes.ok;
    }
    if (!json) terminal.error(`job/${job.id}\n`);
    const over = await waitForJob(invocation, job.id);
    terminal.out(json ? jsonText(over) : jobOutcomeLine(terminal, over));
    return exitCodeOf(over);
  },
};

/** Its output goes where output goes; what it waits for, and what came of it, to standard error. */
async function follow(invocation: Invocation, { id }: JobJson): Promise<ExitCode> {
  const { client, terminal, json } = invocation;
  if (!json) terminal.error(`job/${id}\n`);
  const begun = new AbortController();
  const shown = (words: string) => (terminal.colors ? withoutSteering(words) : words);
  // Why it waits, until there is output: then that is what is watched.
  const waiting = json
    ? Promise.resolve()
    : waitForJob(invocation, id, { signal: begun.signal }).then(
        () => undefined,
        (error: unknown) => {
          if (!begun.signal.aborted) throw error;
        },
      );
  for await (const piece of client.jobs.followLog(id)) {
    if (!begun.signal.aborted) {
      begun.abort();
      await waiting;
    }
    terminal.out(json ? `${JSON.stringify({ id, text: piece })}\n` : shown(piece));
  }
  await waiting;
  const over = await client.jobs.wait(id);
  if (json) terminal.out(`${JSON.stringify(over)}\n`);
  else terminal.error(jobOutcomeLine(terminal, over));
  return exitCodeOf(over);
}

async function specOf(invocation: Invocation): Promise<JobSubmissionInput> {
  const { text, texts, arguments: command } = invocation;
  const type = text('type');
  const [image, config, title, space, host] = ['image', 'config', 'title', 'space', 'host'].map(
    text,
  );
  if (!image && !type && command.length === 0) {
    throw new UsageError('say what to run: --image IMAGE, --type NAME, or a command behind --');
  }
  const limits = {
    ...positive('cpus', text('cpus')),
    ...memory(text('memory')),
  };
  const deadline = text('deadline');
  const retries = wholeNumber('max', text('retries'), 0);
  return {
    ...(type ? { type } : {}),
    ...(image ? { image } : {}),
    ...(command.length === 0 ? {} : { command: [...command] }),
    ...(config ? { config: await readConfig(config) } : {}),
    ...(title ? { title } : {}),
    ...(space ? { space } : {}),
    ...(host ? { host } : {}),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...wholeNumber('devices', text('gpus'), 0),
    ...wholeNumber('priority', text('priority'), -100),
    ...('max' in retries ? { retries } : {}),
    ...(deadline === null ? {} : { runDeadlineMs: durationMs(deadline) }),
    ...(texts('tag').length === 0 ? {} : { tags: Object.fromEntries(texts('tag').map(tagOf)) }),
  };
}

/** JSON itself begins with a brace; everything else is the name of a file. */
async function readConfig(given: string): Promise<Record<string, unknown>> {
  const isFile = !given.trimStart().startsWith('{');
  const where = isFile ? given : '--config';
  const text = isFile
    ? await readFile(given, 'utf8').catch((error: Error) => {
        throw new UsageError(`cannot read the config ${given}: ${error.message}`);
      })
    : given;
  const value = parsed(text, where);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new UsageError(`${where} is no JSON object`);
}

function parsed(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${where} is no JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function positive(name: 'cpus', given: string | null): { cpus?: number } {
  if (given === null) return {};
  const value = Number(given);
  if (!Number.isFinite(value) || value <= 0)
    throw new UsageError(`--${name} ${given} is no number above 0`);
  return { [name]: value };
}

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};

/** `512M`, `1.5G`, `2GiB`, or bytes. */
function memory(given: string | null): { memoryBytes?: number } {
  if (given === null) return {};
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)\s?([KMGT]?)(?:i?B)?$/i.exec(given) ?? [];
  if (amount === undefined) throw new UsageError(`--memory ${given} is no size such as 512M or 4G`);
  return { memoryBytes: Math.round(Number(amount) * (unitBytes[unit.toUpperCase()] ?? 1)) };
}

function tagOf(given: string): [string, string] {
  const at = given.indexOf('=');
  if (at < 1) throw new UsageError(`--tag ${given}: say KEY=VALUE`);
  return [given.slice(0, at), given.slice(at + 1)];
}
