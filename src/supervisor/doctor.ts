import { parseArgs } from 'node:util';
import { failureText } from '../cli/failure-text.ts';
import { loadConfig } from '../config.ts';
import { checkEngines } from './doctor/engines.ts';
import type { Check, Checkup } from './doctor/check.ts';
import { checkMachine } from './doctor/machine.ts';
import { checkProcesses } from './doctor/processes.ts';
import { readAddresses } from './addresses.ts';
import { findSupervisor } from './supervisor-lock.ts';
import { join, resolve } from 'node:path';

export const doctorUsage = `labkeeper doctor [--data DIR] [--json]

Checks every part of labkeeper on this machine and says what to do about each that is not well.
Exit code 0 when nothing fails (warnings aside), 1 otherwise.
`;

const marks: Readonly<Record<Check['state'], string>> = {
  ok: '✓',
  warning: '!',
  failed: '✗',
  skipped: '–',
};

/** Examines all parts side by side, prints what it found with remedies, gives the exit code. */
export async function doctor(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        data: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(doctorUsage);
      return 0;
    }
    const given = values.data ? { ...environment, LABKEEPER_DATA: values.data } : environment;
    const checks = await examine(given);
    const ok = checks.every(({ state }) => state !== 'failed');
    if (values.json) process.stdout.write(`${JSON.stringify({ ok, checks }, null, 2)}\n`);
    else process.stdout.write(`${checks.map(describe).join('\n')}\n`);
    return ok ? 0 : 1;
  } catch (error) {
    process.stderr.write(failureText(error, { json: argv.includes('--json') }).text);
    return 1;
  }
}

async function examine(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Check[]> {
  const config = loadConfig(environment);
  const run = join(resolve(config.LABKEEPER_DATA), 'run');
  const supervisor = await findSupervisor(run);
  const addresses = supervisor === null ? null : await readAddresses(run);
  const checkup: Checkup = { config, environment, supervisor, addresses };
  const groups = await Promise.all([
    checkMachine(checkup),
    checkEngines(checkup),
    checkProcesses(checkup),
  ]);
  return groups.flat();
}

function describe({ name, state, detail, remedy }: Check): string {
  return `${marks[state]} ${name}: ${detail}${remedy === undefined ? '' : `\n    → ${remedy}`}`;
}
