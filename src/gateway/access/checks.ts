import { maxQuestions, openingsSchema, type Opening } from '../../model/access.ts';
import type { Log } from '../../log.ts';
import type { PostToApi } from '../wake.ts';
import type { Pass } from './pass.ts';

/**
 * Asks the control plane what passes are worth, many in one call and one call at a time. While it does not
 * answer, what it last said stands.
 */
export interface Checks {
  /**
   * Resolves once the answer is in, or there is none; at the latest after `patienceMs`, and at once when a
   * call was not answered less than `retryMs` ago.
   */
  ask(pass: Pass): Promise<void>;
}

export function createChecks(options: {
  post: PostToApi;
  /** Changes of access heard of so far: an answer that is older than the newest is no last word. */
  epoch: () => number;
  /** Told of passes that turned out to open nothing. */
  onFall: (passes: ReadonlySet<Pass>) => void;
  onCall: (outcome: 'answered' | 'unanswered') => void;
  patienceMs: number;
  retryMs: number;
  log: Log;
}): Checks {
  const waiting = new Map<Pass, (() => void)[]>();
  let calling = false;
  let failedAtMs: number | null = null;

  const call = async () => {
    const batch = [...waiting].slice(0, maxQuestions);
    for (const [pass] of batch) waiting.delete(pass);
    const epoch = options.epoch();
    try {
      const openings = await openingsNow(options.post, batch);
      options.onCall('answered');
      if (failedAtMs !== null) options.log.info('the control plane says again who may open apps');
      failedAtMs = null;
      const fallen = new Set<Pass>();
      for (const [index, [pass]] of batch.entries()) {
        const opening = openings[index];
        if (opening === undefined) continue;
        note(pass, opening, epoch);
        if (opening.verdict !== 'open') fallen.add(pass);
      }
      if (fallen.size > 0) options.onFall(fallen);
    } catch (error) {
      options.onCall('unanswered');
      if (failedAtMs === null) {
        options.log.warn({ err: error }, 'cannot ask who may open apps: what was said last stands');
      }
      failedAtMs = performance.now();
    }
    for (const [, resolvers] of batch) for (const resolve of resolvers) resolve();
  };
  const run = async () => {
    calling = true;
    while (waiting.size > 0) await call();
    calling = false;
  };

  return {
    ask(pass) {
      const isSilent = failedAtMs !== null && performance.now() - failedAtMs < options.retryMs;
      if (isSilent) return Promise.resolve();
      return new Promise((resolve) => {
        const patience = setTimeout(resolve, options.patienceMs);
        const done = () => {
          clearTimeout(patience);
          resolve();
        };
        const others = waiting.get(pass);
        if (others === undefined) waiting.set(pass, [done]);
        else others.push(done);
        // Those that come in one go are asked in one.
        if (!calling) queueMicrotask(() => void (calling || run()));
      });
    },
  };
}

function note(pass: Pass, opening: Opening, epoch: number): void {
  pass.opening = opening;
  pass.checkedAtMs = performance.now();
  pass.epoch = epoch;
  if (opening.verdict === 'open' && opening.endsAt !== null) {
    pass.endsAtMs = Date.parse(opening.endsAt);
  }
}

async function openingsNow(
  post: PostToApi,
  batch: readonly [Pass, unknown][],
): Promise<readonly Opening[]> {
  const questions = batch.map(([{ app, proof }]) => ({ app, proof }));
  const { status, body } = await post('POST', '/internal/openings', { questions });
  if (status !== 200) throw new Error(`the API answered ${status}: ${body.slice(0, 300)}`);
  return openingsSchema.parse(JSON.parse(body)).openings;
}
