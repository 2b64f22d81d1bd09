import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { appSpecSchema } from '../src/model/app-spec.ts';
import { processContainers } from '../src/runtime/process/index.ts';
import { echoApp } from '../test/acceptance/echo-app.ts';
import { eventually } from '../test/beds/eventually.ts';
import { startLab, type Lab } from '../test/beds/lab.ts';
import { median, round, type Bench, type Figure } from './measure.ts';

/** Boot time of the app, sleep mode, number of wakes. */
const rounds = [
  { bootMs: 0, sleepMode: 'stop', wakes: 20 },
  { bootMs: 1_000, sleepMode: 'stop', wakes: 8 },
  { bootMs: 5_000, sleepMode: 'stop', wakes: 3 },
  { bootMs: 0, sleepMode: 'pause', wakes: 20 },
] as const;

/** Milliseconds since the epoch with fractions, as the app tells them. */
const nowMs = () => performance.timeOrigin + performance.now();

interface Who {
  startedAtMs: number;
  listeningAtMs: number;
}

/**
 * What labkeeper adds to a wake: first byte of the app minus the visit, less what the runtime needs to
 * start a process and what the app needs until it listens. A thawed app has neither.
 */
export const bench: Bench = async ({ say }) => {
  const runtimeStartMs = await measureRuntimeStart();
  say(`the process runtime starts a command in ${round(runtimeStartMs)} ms (median)`);
  const lab = await startLab();
  const figures: Figure[] = [
    { figure: 'runtimeStartP50Ms', value: round(runtimeStartMs), unit: 'ms' },
  ];
  try {
    for (const { bootMs, sleepMode, wakes } of rounds) {
      const overheads: number[] = [];
      for (let wake = 0; wake < wakes; wake += 1) {
        const name = `wake-${sleepMode}-${bootMs}`;
        overheads.push(await measureWake(lab, name, bootMs, sleepMode, runtimeStartMs));
      }
      const suffix = `${sleepMode}${bootMs === 0 ? '' : `Boot${bootMs / 1000}s`}`;
      figures.push(
        { figure: `overheadP50Ms.${suffix}`, value: round(median(overheads)), unit: 'ms' },
        {
          figure: `overheadP95Ms.${suffix}`,
          value: round(percentile(overheads, 0.95)),
          unit: 'ms',
        },
      );
      say(`${suffix}: ${overheads.map((value) => Math.round(value)).join(' ')}`);
    }
  } finally {
    await lab.close();
  }
  return figures;
};

async function measureWake(
  lab: Lab,
  name: string,
  bootMs: number,
  sleepMode: 'stop' | 'pause',
  runtimeStartMs: number,
): Promise<number> {
  const spec = echoApp({ sleepMode, environment: { BOOT_DELAY_MS: String(bootMs) } });
  await lab.client.apps.register(name, spec);
  // A frozen app must have run once; its first wake is not one of those measured.
  const shown = await lab.client.apps.show(name);
  if (sleepMode === 'pause' && shown.condition.generation === 0) {
    await fetch(lab.appUrl(name, '/who'));
    await asleepAgain(lab, name);
  }
  const visitAtMs = nowMs();
  const answer = await fetch(lab.appUrl(name, '/who'));
  const firstByteAtMs = nowMs();
  const who = (await answer.json()) as Who;
  await asleepAgain(lab, name);
  const wholeMs = firstByteAtMs - visitAtMs;
  if (sleepMode === 'pause') return wholeMs;
  return wholeMs - (who.listeningAtMs - who.startedAtMs) - runtimeStartMs;
}

async function asleepAgain(lab: Lab, name: string): Promise<void> {
  await lab.client.apps.stop(name);
  await eventually(
    async () => {
      const { status } = await lab.client.apps.show(name);
      if (status !== 'asleep') throw new Error(`${name} is ${status}`);
    },
    { deadlineMs: 30_000 },
  );
}

/** From the call of the runtime to the birth of the app's process, without anything of ours around. */
async function measureRuntimeStart(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'bench-'));
  const runtime = processContainers({
    installation: 'bench',
    folder,
    log: pino({ level: 'silent' }),
  });
  const spec = appSpecSchema.parse(echoApp());
  const times: number[] = [];
  for (let start = 1; start <= 10; start += 1) {
    const name = `app-bench-${start}`;
    const calledAtMs = nowMs();
    const { address } = await runtime.ensure({
      name,
      labels: {},
      ...(spec.command ? { command: spec.command } : {}),
      basePath: '',
      environment: (port) => ({ PORT: String(port) }),
      limits: spec.limits,
      log: spec.log,
    });
    const url = `http://127.0.0.1:${address?.port}/who`;
    const who = await eventually(async () => (await (await fetch(url)).json()) as Who);
    times.push(who.startedAtMs - calledAtMs);
    await runtime.remove(name);
    await runtime.forgetLog(name);
  }
  await rm(folder, { recursive: true, force: true });
  return median(times);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
