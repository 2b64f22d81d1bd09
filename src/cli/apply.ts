import { readFile, stat } from 'node:fs/promises';
import { ProblemError } from '../client/index.ts';
import type { AppPlanJson, RegisteredAppJson } from '../model/api.ts';
import { planText } from './apply-diff.ts';
import { exitCodes, UsageError, type ExitCode } from './exit-codes.ts';
import { maxManifestBytes, mistakeLine, readManifest, type Manifest } from './manifest.ts';
import { jsonText, tinted } from './terminal.ts';
import type { Invocation, Verb } from './verb.ts';
import { outcomeLine, waitForOperation, waitOptions } from './wait.ts';

const tones = { created: 'good', replaced: 'busy', unchanged: 'soft' } as const;

export const apply: Verb = {
  name: 'apply',
  usage: 'FILE [--check | --diff] [--wait]',
  summary: 'Register the apps that a labkeeper.yaml describes',
  help: 'Registers or replaces all apps of the file and says what changed; the same file again changes nothing. All or none: nothing changes when the file has mistakes, and all of them are named, nor when one of its apps is refused or was changed by somebody else meanwhile. Apps that it does not describe stay as they are. --diff says field by field what would change, and whether that restarts the app and why; it changes nothing and ends with 0 when nothing would change, with 5 when something would.',
  options: {
    ...waitOptions,
    check: { type: 'boolean', help: 'only look for mistakes; asks no server' },
    diff: { type: 'boolean', help: 'only say what would change, and whether that restarts apps' },
  },
  json: '`[{ name, outcome, operation }]`, `operation` an `Operation` or null; with --diff `AppPlan[]`; with --check `{ file, mistakes }`',
  completes: ['file'],
  takes: { least: 1, most: 1 },
  async run(invocation) {
    const { terminal, json, flag } = invocation;
    const [file = ''] = invocation.arguments;
    const { apps, mistakes } = readManifest(await readText(file), file);
    if (mistakes.length > 0) throw mistakesOf(file, mistakes);
    if (flag('check')) {
      terminal.out(json ? jsonText({ file, mistakes }) : `${file} has no mistakes.\n`);
      return exitCodes.ok;
    }
    const plans = await planAll(invocation, apps);
    if (flag('diff')) return tellDifference(invocation, plans);
    if (apps.length === 0) {
      terminal.out(json ? jsonText([]) : `${file} describes no apps.\n`);
      return exitCodes.ok;
    }
    return register(invocation, apps, plans);
  },
};

function mistakesOf(file: string, mistakes: Manifest['mistakes']): UsageError {
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  const lines = mistakes.map((mistake) => `\n${mistakeLine(file, mistake)}`).join('');
  return new UsageError(`${file} has ${count}; nothing was changed.${lines}`, mistakes);
}

const atOnce = 8;

/** What each app would become. Throws when one is refused, with all that are. */
async function planAll(
  { client }: Pick<Invocation, 'client'>,
  apps: Manifest['apps'],
): Promise<AppPlanJson[]> {
  const plans: AppPlanJson[] = [];
  const refused: { name: string; problem: ProblemError }[] = [];
  for (let at = 0; at < apps.length; at += atOnce) {
    await Promise.all(
      apps.slice(at, at + atOnce).map(async ({ name, spec }, index) => {
        try {
          plans[at + index] = await client.apps.plan(name, spec);
        } catch (problem) {
          if (!(problem instanceof ProblemError)) throw problem;
          refused.push({ name, problem });
        }
      }),
    );
  }
  const [first] = refused;
  if (first === undefined) return plans;
  const { type, status, title } = first.problem;
  throw new ProblemError({
    ...{ type, status, title },
    detail: `nothing was changed: ${[...new Set(refused.map(({ problem }) => problem.message))].join('; ')}`,
    errors: refused.map(({ name, problem }) => ({ path: name, message: problem.message })),
  });
}

function tellDifference({ terminal, json }: Invocation, plans: readonly AppPlanJson[]): ExitCode {
  terminal.out(json ? jsonText(plans) : plans.map((plan) => planText(terminal, plan)).join(''));
  const differs = plans.some(({ effect }) => effect !== 'nothing');
  return differs ? exitCodes.differs : exitCodes.ok;
}

/** Made from the definitions that were looked at: whoever applies another file meanwhile loses nothing unseen. */
async function register(
  invocation: Invocation,
  apps: Manifest['apps'],
  plans: readonly AppPlanJson[],
): Promise<ExitCode> {
  const { client, terminal, json, flag } = invocation;
  const expected = Object.fromEntries(plans.map((plan) => [plan.name, plan.specRevision]));
  const registered = await client.apps
    .apply({ apps: apps.map(({ name, spec }) => ({ name, ...spec })), expected })
    .catch((error: unknown) => {
      throw error instanceof ProblemError ? nothingChanged(error) : error;
    });
  const applied: Pick<RegisteredAppJson, 'name' | 'outcome' | 'operation'>[] = [];
  for (const { name, outcome, operation } of registered) {
    if (!json) terminal.out(`${tinted(terminal, tones[outcome], outcome)}  app/${name}\n`);
    const waits = flag('wait') && operation !== null;
    const over = waits ? await waitForOperation(invocation, operation) : operation;
    if (waits && !json && over !== null) terminal.out(outcomeLine(terminal, over));
    applied.push({ name, outcome, operation: over });
  }
  if (json) terminal.out(jsonText(applied));
  const failed = applied.some(({ operation }) => operation?.state === 'failed');
  return failed ? exitCodes.failed : exitCodes.ok;
}

function nothingChanged(refusal: ProblemError): ProblemError {
  const { type, status, title, message, errors } = refusal;
  const again =
    type === 'conflict'
      ? '. Somebody else changed it meanwhile: see what is different now with --diff, then apply again'
      : '';
  return new ProblemError({
    ...{ type, status, title, errors },
    detail: `nothing was changed: ${message}${again}`,
    requestId: refusal.requestId ?? undefined,
  });
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > maxManifestBytes) {
      throw new Error(`it is larger than ${maxManifestBytes} bytes`);
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot read ${file}: ${why}`);
  }
}
