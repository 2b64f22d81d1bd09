import type { Exit } from '../../model/app-state.ts';
import { setTimeout as pause } from 'node:timers/promises';
import { LabError } from '../../model/failures.ts';
import type { StopOptions } from '../containers.ts';
import { call, callOr, reasonOf, refused, statusOf, type Engine } from './engine.ts';
import { unpause } from './ensure.ts';
import { exitOf, inspectContainer, inspectInstance } from './inspect.ts';
import { keepLog } from './logs.ts';
import { containerName } from './naming.ts';

/** After SIGKILL the engine tells of the end within this time, or does not answer. */
const killMs = 20_000;
const removeMs = 30_000;
const youngMs = 3_000;
const askAgainMs = 700;

/** SIGTERM, grace, SIGKILL of all in it; null when absent. */
export async function stopInstance(
  engine: Engine,
  name: string,
  { graceMs, onKill }: StopOptions,
): Promise<Exit | null> {
  const found = await inspectInstance(engine, name);
  if (found === null) return null;
  if (found.phase === 'exited') return found.exit;
  if (found.phase === 'created') return { exitCode: null, signal: null, outOfMemory: false };
  // The engine refuses to signal what is frozen.
  if (found.phase === 'paused') await unpause(engine, name);
  if (graceMs > 0) {
    if (await terminate(engine, name, graceMs, found.startedAtMs)) return lastWord(engine, name);
  }
  onKill?.();
  await kill(engine, name, 'SIGKILL');
  if (!(await waitForEnd(engine, name, killMs))) {
    throw new LabError(
      'runtime_unavailable',
      `cannot stop ${name}: the engine did not end it within ${killMs} ms of SIGKILL`,
    );
  }
  return lastWord(engine, name);
}

/**
 * SIGTERM and grace: true when it ended. A container that was started a moment ago may still be
 * without any process that takes signals, and the kernel drops them: it is asked twice.
 */
async function terminate(
  engine: Engine,
  name: string,
  graceMs: number,
  startedAtMs: number | null,
): Promise<boolean> {
  const isYoung = Date.now() - (startedAtMs ?? 0) < youngMs;
  const firstMs = isYoung ? Math.min(graceMs, askAgainMs) : graceMs;
  await kill(engine, name, 'SIGTERM');
  if (await waitForEnd(engine, name, firstMs)) return true;
  if (firstMs === graceMs) return false;
  await kill(engine, name, 'SIGTERM');
  return waitForEnd(engine, name, graceMs - firstMs);
}

/** Stops it at once, keeps its log, removes it with its anonymous volumes. Success when absent. */
export async function removeInstance(engine: Engine, name: string): Promise<void> {
  if ((await stopInstance(engine, name, { graceMs: 0 })) !== null) await keepLog(engine, name);
  const container = engine.docker.getContainer(containerName(engine, name));
  const endsAtMs = performance.now() + removeMs;
  for (;;) {
    try {
      await callOr(engine, `remove ${name}`, null, (abortSignal) =>
        container.remove({ force: true, v: true, abortSignal }),
      );
      return;
    } catch (error) {
      // Somebody else removes it: done when it is gone.
      if (statusOf(error) !== 409 || performance.now() > endsAtMs) {
        throw refused(`remove ${name}`, error);
      }
      await pause(50);
    }
  }
}

/** Success when already frozen, over or absent. */
export async function pauseInstance(engine: Engine, name: string): Promise<void> {
  const container = engine.docker.getContainer(containerName(engine, name));
  try {
    await callOr(engine, `freeze ${name}`, null, (abortSignal) => container.pause({ abortSignal }));
  } catch (error) {
    if (!/already paused|is not running/.test(reasonOf(error))) {
      throw refused(`freeze ${name}`, error);
    }
  }
}

/** Success when it is over already. */
async function kill(engine: Engine, name: string, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const container = engine.docker.getContainer(containerName(engine, name));
  try {
    await callOr(engine, `stop ${name}`, null, (abortSignal) =>
      container.kill({ signal, abortSignal }),
    );
  } catch (error) {
    if (statusOf(error) !== 409) throw refused(`stop ${name}`, error);
  }
}

/** True when it is over within `limitMs`, of which the engine tells at once. */
async function waitForEnd(engine: Engine, name: string, limitMs: number): Promise<boolean> {
  const container = engine.docker.getContainer(containerName(engine, name));
  const limit = AbortSignal.timeout(limitMs);
  try {
    await call(
      engine,
      `wait for ${name}`,
      (abortSignal) => container.wait({ condition: 'not-running', abortSignal }),
      { signal: limit, timeoutMs: limitMs + 1_000 },
    );
    return true;
  } catch (error) {
    if (limit.aborted) return false;
    if (statusOf(error) === 404) return true;
    throw error;
  }
}

async function lastWord(engine: Engine, name: string): Promise<Exit> {
  const info = await inspectContainer(engine, name);
  if (info === null) return { exitCode: null, signal: null, outOfMemory: false };
  return exitOf(info.State);
}
