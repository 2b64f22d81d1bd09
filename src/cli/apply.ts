import { readFile, stat } from 'node:fs/promises';
import type { RegisteredAppJson } from '../model/api.ts';
import type { AppSpecInput } from '../model/app-spec.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { maxManifestBytes, mistakeLine, readManifest } from './manifest.ts';
import { describeProblem } from './problems.ts';
import { jsonText, plain, tinted } from './terminal.ts';
import type { Invocation, Verb } from './verb.ts';
import { outcomeLine, waitForOperation, waitOptions } from './wait.ts';

/** What became of one app of a file. */
type Applied =
  | Pick<RegisteredAppJson, 'name' | 'outcome' | 'operation'>
  | { name: string; outcome: 'refused'; problem: string };

const tones = { created: 'good', replaced: 'busy', unchanged: 'soft', refused: 'bad' } as const;

export const apply: Verb = {
  name: 'apply',
  usage: 'FILE [--check] [--wait]',
  summary: 'Register the apps that a labkeeper.yaml describes',
  help: 'Registers or replaces each app and says what changed; the same file again changes nothing. A file with mistakes changes nothing, and all its mistakes are named. Apps that it does not describe stay as they are.',
  options: {
    ...waitOptions,
    check: { type: 'boolean', help: 'only look for mistakes; asks no server' },
  },
  takes: { least: 1, most: 1 },
  async run(invocation) {
    const { terminal, json, flag } = invocation;
    const [file = ''] = invocation.arguments;
    const { apps, mistakes } = readManifest(await readText(file), file);
    if (mistakes.length > 0) {
      const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
      const lines = mistakes.map((mistake) => `${mistakeLine(file, mistake)}\n`).join('');
      if (json) terminal.out(jsonText({ file, mistakes }));
      else terminal.error(`${lines}${file} has ${count}; nothing was changed.\n`);
      return exitCodes.usage;
    }
    if (flag('check')) {
      terminal.out(json ? jsonText({ file, mistakes }) : `${file} has no mistakes.\n`);
      return exitCodes.ok;
    }
    const applied: Applied[] = [];
    for (const { name, spec } of apps) applied.push(await applyOne(invocation, name, spec));
    if (json) terminal.out(jsonText(applied));
    return applied.some(hasFailed) ? exitCodes.failed : exitCodes.ok;
  },
};

/** One app that is refused does not keep the others from being registered. */
async function applyOne(
  invocation: Invocation,
  name: string,
  spec: AppSpecInput,
): Promise<Applied> {
  const { client, terminal, json, flag } = invocation;
  const say = (outcome: Applied['outcome'], more = '') => {
    if (!json) terminal.out(`${tinted(terminal, tones[outcome], outcome)}  app/${name}${more}\n`);
  };
  try {
    const { outcome, operation } = await client.apps.register(name, spec);
    say(outcome);
    if (operation === null || !flag('wait')) return { name, outcome, operation };
    const over = await waitForOperation(invocation, operation);
    if (!json) terminal.out(outcomeLine(terminal, over));
    return { name, outcome, operation: over };
  } catch (error) {
    const { exitCode, message } = describeProblem(error);
    if (exitCode === exitCodes.unreachable) throw error;
    say('refused', `: ${plain(message)}`);
    return { name, outcome: 'refused', problem: message };
  }
}

function hasFailed(applied: Applied): boolean {
  return applied.outcome === 'refused' || applied.operation?.state === 'failed';
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
