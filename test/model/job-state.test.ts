import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jobPolicyOf, jobSpecSchema, type JobCause } from '../../src/model/job-spec.ts';
import {
  applyJobFact,
  judgeAttempt,
  judgeLoss,
  nextJobStep,
  type AttemptEnd,
  type JobFact,
  type JobLife,
  type JobPlace,
  type JobStop,
  type Verdict,
} from '../../src/model/job-state.ts';

const spec = (more: object = {}) => jobSpecSchema.parse({ command: ['true'], ...more });
const policy = jobPolicyOf(spec({ runDeadlineMs: 1_000 }));
const person = { actor: 'ada', why: 'wrong seed' };
const host = 'lab-1';

const waiting: JobLife = {
  ...{ place: { at: 'queued' }, retries: 0, queueDeadlineAtMs: 500, stop: null, early: null },
};
const after = (life: JobLife, ...facts: JobFact[]): JobLife =>
  facts.reduce((before, fact) => applyJobFact(before, fact, policy), life);
const step = (life: JobLife, nowMs = 0) => nextJobStep(life, nowMs);

const grant = (attempt: number): JobFact => ({ type: 'granted', attempt, host });
const started = (attempt: number, atMs = 0): JobFact => ({ type: 'started', attempt, atMs });
const exited = (attempt: number): JobFact => ({ type: 'exited', attempt });
const passed = (attempt: number): JobFact => ({ type: 'runDeadlinePassed', attempt });
const cancel: JobFact = { type: 'cancelAsked', cause: person };
const overWith = (attempt: number, verdict: Verdict, atMs = 0): JobFact => ({
  ...{ type: 'attemptOver', attempt, verdict, atMs },
});
const succeeded: Verdict = { state: 'succeeded', cause: null, detail: 'ended with exit code 0' };
const again: Verdict = {
  ...{ state: 'queued', cause: 'exit_code', detail: 'ended with exit code 1' },
  ...{ delayMs: 0, queueDeadlineMs: 300 },
};

const granted = after(waiting, grant(1));
const running = after(granted, started(1));
const ended = after(running, exited(1));
const isOver = after(ended, overWith(1, succeeded));

describe('a job', () => {
  it('waits until its queue deadline, and leaves the queue then', () => {
    expect(step(waiting, 499)).toEqual({ kind: 'wait', untilMs: 500 });
    expect(step(waiting, 500)).toEqual({ kind: 'leaveQueue' });
  });

  it('is started where it was granted, runs until its deadline, and is collected when it ends', () => {
    expect(step(granted)).toEqual({ kind: 'start', attempt: 1, host });
    expect(step(running)).toEqual({ kind: 'wait', untilMs: 1_000 });
    expect(step(ended)).toEqual({ kind: 'end', attempt: 1, host });
    expect(step(isOver)).toEqual({ kind: 'done' });
  });

  it('is not expired once it was granted', () => {
    expect(step(granted, 10_000)).toMatchObject({ kind: 'start' });
  });

  it('that is canceled leaves the queue, or ends where it is', () => {
    expect(step(after(waiting, cancel))).toEqual({ kind: 'leaveQueue' });
    for (const life of [granted, running, ended]) {
      expect(step(after(life, cancel))).toEqual({ kind: 'end', attempt: 1, host });
    }
    expect(step(after(isOver, cancel))).toEqual({ kind: 'done' });
  });

  it('keeps who canceled it first', () => {
    const later: JobFact = { type: 'cancelAsked', cause: { actor: 'bob', why: 'too late' } };
    expect(after(running, cancel, later).stop).toEqual({ reason: 'canceled', cause: person });
    expect(after(isOver, cancel).stop).toBeNull();
  });

  it('is stopped at its run deadline, once it is said to have passed', () => {
    expect(step(running, 1_000)).toEqual({ kind: 'passDeadline', attempt: 1 });
    const late = after(running, passed(1));
    expect(late.stop?.reason).toBe('run_deadline');
    expect(step(late, 1_000)).toEqual({ kind: 'end', attempt: 1, host });
  });

  it('that is canceled at its run deadline was canceled', () => {
    expect(after(running, cancel, passed(1)).stop?.reason).toBe('canceled');
    expect(after(running, passed(1), cancel).stop?.reason).toBe('canceled');
  });

  it('goes on when it was wrongly taken to be over', () => {
    const goesOn = after(ended, { type: 'stillRuns', attempt: 1, deadlineAtMs: 700 });
    expect(step(goesOn)).toEqual({ kind: 'wait', untilMs: 700 });
  });

  it('waits again after an attempt that may be tried again, with a deadline of its own', () => {
    const next = after(ended, overWith(1, again, 1_000));
    expect(next).toMatchObject({ place: { at: 'queued' }, retries: 1, queueDeadlineAtMs: 1_300 });
    expect(step(after(next, grant(2)))).toEqual({ kind: 'start', attempt: 2, host });
  });

  it('that is granted again faster than it hears of its end starts after that end', () => {
    const early = after(ended, { ...grant(2), host: 'lab-2' } as JobFact);
    expect(step(early)).toEqual({ kind: 'end', attempt: 1, host });
    expect(step(after(early, overWith(1, again)))).toEqual({
      ...{ kind: 'start', attempt: 2, host: 'lab-2' },
    });
  });

  it('that was stopped at its run deadline and is tried again is not stopped again for that', () => {
    const next = after(running, passed(1), overWith(1, { ...again, cause: 'run_deadline' }));
    expect(next.stop).toBeNull();
    expect(step(after(next, grant(2)))).toMatchObject({ kind: 'start', attempt: 2 });
  });

  it('that is canceled while its attempt ends does not wait for another one', () => {
    expect(step(after(ended, cancel, overWith(1, again)))).toEqual({ kind: 'leaveQueue' });
  });

  it('drops what is told of another attempt than the present one', () => {
    const second = after(ended, overWith(1, again), grant(2));
    const late: JobFact[] = [
      ...[started(1), exited(1), passed(1), overWith(1, succeeded), grant(1), grant(2)],
      { type: 'stillRuns', attempt: 1, deadlineAtMs: 1 },
    ];
    for (const life of [second, after(second, started(2)), after(second, started(2), exited(2))]) {
      for (const fact of late) expect(after(life, fact), fact.type).toEqual(life);
    }
  });

  it('drops a grant that is told once more when its attempt is over', () => {
    const next = after(ended, overWith(1, again));
    expect(after(next, grant(1))).toEqual(next);
    expect(after(next, started(1), exited(1), passed(1))).toEqual(next);
  });

  it('goes down with its host wherever it is there, and waits again without a failure of its own', () => {
    const lost: JobFact = { type: 'hostLost', attempt: 1 };
    for (const life of [granted, running, ended, after(running, cancel)]) {
      expect(step(after(life, lost))).toEqual({ kind: 'lose', attempt: 1, host });
      expect(after(life, { type: 'hostLost', attempt: 2 })).toEqual(life);
    }
    for (const life of [waiting, isOver]) expect(after(life, lost)).toEqual(life);
    const isLost = after(running, lost);
    for (const fact of [started(1), exited(1), passed(1), grant(1)]) {
      expect(after(isLost, fact), fact.type).toEqual(isLost);
    }
    const next = after(isLost, overWith(1, { ...again, cause: 'host_lost' }), lost);
    expect(next).toMatchObject({ place: { at: 'queued' }, retries: 0 });
  });

  it('takes no fact before its time', () => {
    const never: [JobLife, JobFact[]][] = [
      [waiting, [started(1), exited(1), passed(1), overWith(1, succeeded)]],
      [granted, [exited(1), passed(1), { type: 'stillRuns', attempt: 1, deadlineAtMs: 1 }]],
      [running, [started(1, 50), { type: 'stillRuns', attempt: 1, deadlineAtMs: 1 }]],
      [ended, [started(1), exited(1), passed(1)]],
      [isOver, [grant(1), grant(2), started(1), exited(1), passed(1), cancel, { type: 'over' }]],
    ];
    for (const [life, facts] of never) {
      for (const fact of facts) expect(after(life, fact), fact.type).toEqual(life);
    }
  });

  it('is over wherever it is when its row says so', () => {
    for (const life of [waiting, granted, running, ended]) {
      expect(step(after(life, { type: 'over' }))).toEqual({ kind: 'done' });
    }
  });
});

describe('the judge of an attempt', () => {
  const exit = (parts: Partial<NonNullable<AttemptEnd['exit']>>) => ({
    ...{ exitCode: null, signal: null, outOfMemory: false, ...parts },
  });
  const end = (parts: Partial<AttemptEnd>): AttemptEnd => ({
    ...{ exit: null, byItself: true, failure: null, ...parts },
  });
  const canceled: JobStop = { reason: 'canceled', cause: person };
  const deadline: JobStop = { reason: 'run_deadline', cause: { actor: 'run deadline', why: '' } };
  const judge = (
    how: AttemptEnd,
    {
      stop = null,
      retries = 0,
      by = policy,
    }: { stop?: JobStop | null; retries?: number; by?: typeof policy } = {},
  ) => judgeAttempt(how, { stop, retries, policy: by, queueDeadlineMs: 300 });
  const retrying = (causes?: JobCause[], max = 3) =>
    jobPolicyOf(spec({ retries: { max, delayMs: 100, ...(causes ? { causes } : {}) } }));

  it('names what happened', () => {
    const cases: [AttemptEnd, object][] = [
      [end({ exit: exit({ exitCode: 0 }) }), { state: 'succeeded', cause: null }],
      [end({ exit: exit({ exitCode: 3 }) }), { state: 'failed', cause: 'exit_code' }],
      [end({ exit: exit({ signal: 'SIGSEGV' }) }), { state: 'failed', cause: 'signal' }],
      [
        end({ exit: exit({ signal: 'SIGKILL', outOfMemory: true }) }),
        { state: 'failed', cause: 'out_of_memory' },
      ],
      [end({}), { state: 'failed', cause: 'vanished' }],
      [end({ exit: exit({}) }), { state: 'failed', cause: 'vanished' }],
      [
        end({ failure: { cause: 'image_not_found', detail: 'there is no image' } }),
        { state: 'failed', cause: 'image_not_found', detail: 'there is no image' },
      ],
    ];
    for (const [how, verdict] of cases) expect(judge(how)).toMatchObject(verdict);
  });

  it('lets a finish that came by itself win over a cancel, and the cancel over everything it caused', () => {
    const stopped = end({ exit: exit({ exitCode: 0 }), byItself: false });
    expect(judge(end({ exit: exit({ exitCode: 0 }) }), { stop: canceled }).state).toBe('succeeded');
    expect(judge(end({ exit: exit({ exitCode: 3 }) }), { stop: canceled }).state).toBe('failed');
    expect(judge(stopped, { stop: canceled })).toMatchObject({ state: 'canceled' });
    expect(judge(end({ byItself: false }), { stop: canceled })).toMatchObject({
      state: 'canceled',
    });
  });

  it('tells a stop at the run deadline from an end just before it', () => {
    const killed = exit({ signal: 'SIGTERM' });
    expect(judge(end({ exit: killed, byItself: false }), { stop: deadline })).toMatchObject({
      ...{ state: 'failed', cause: 'run_deadline' },
    });
    expect(judge(end({ exit: exit({ exitCode: 0 }) }), { stop: deadline }).state).toBe('succeeded');
    expect(judge(end({ exit: exit({ exitCode: 2 }) }), { stop: deadline })).toMatchObject({
      ...{ state: 'failed', cause: 'exit_code' },
    });
  });

  it('tries again for the causes that were named, so many times, and never what was canceled', () => {
    const failed = end({ exit: exit({ exitCode: 3 }) });
    expect(judge(failed, { by: retrying() })).toMatchObject({ state: 'queued', delayMs: 100 });
    expect(judge(failed, { by: retrying(), retries: 2 })).toMatchObject({ delayMs: 400 });
    expect(judge(failed, { by: retrying(), retries: 3 }).state).toBe('failed');
    expect(judge(failed, { by: retrying(['signal']) }).state).toBe('failed');
    expect(judge(failed, { by: retrying(), stop: canceled }).state).toBe('failed');
    const late = end({ exit: exit({ signal: 'SIGKILL' }), byItself: false });
    const by = retrying(['run_deadline']);
    expect(judge(late, { by, stop: deadline })).toMatchObject({ state: 'queued' });
    expect(judge(failed, { by: retrying(undefined, 100), retries: 99 })).toMatchObject({
      delayMs: 3_600_000,
    });
  });
});

describe('the judge of a lost host', () => {
  const judge = (parts: Partial<Parameters<typeof judgeLoss>[0]>, stop: JobStop | null = null) =>
    judgeLoss(
      { pickedUp: true, hostLosses: 0, detail: 'lab-1 was given up', ...parts },
      { stop, policy, queueDeadlineMs: 300 },
    );

  it('lets it wait again at once, as often as it may lose one', () => {
    expect(judge({})).toMatchObject({ state: 'queued', cause: 'host_lost', delayMs: 0 });
    expect(judge({ hostLosses: 1 })).toMatchObject({ state: 'failed', cause: 'host_lost' });
    expect(judge({ hostLosses: 9, pickedUp: false })).toMatchObject({ state: 'queued' });
    const canceled: JobStop = { reason: 'canceled', cause: person };
    expect(judge({}, canceled)).toMatchObject({ state: 'canceled', cause: 'canceled' });
  });
});

/**
 * A row, a host and a workflow that may lose its memory, wired as the product wires them; what is told may come
 * late, twice, in any order or not at all.
 */
type Act =
  | 'grant'
  | 'cancel'
  | 'step'
  | 'exit'
  | 'news'
  | 'newsAgain'
  | 'loseHost'
  | 'tellExit'
  | 'tellWrongExit'
  | 'newLife'
  | 'time';

describe('whatever comes in whatever order', () => {
  const acts: Act[] = [
    ...([
      'grant',
      'cancel',
      'step',
      'exit',
      'news',
      'newsAgain',
      'loseHost',
      'tellExit',
      'tellWrongExit',
      'newLife',
      'time',
    ] as const),
    ...(['grant', 'step', 'step', 'news', 'exit'] as const),
  ];

  it('at most one attempt runs, each runs once, and there is one end for good', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...acts), { maxLength: 80 }), (run) => {
        const lab = smallLab();
        for (const act of run) lab.act(act);
        lab.settle();
        require(lab.ends().length === 1, `one end, not ${lab.ends().join(', ')}`);
        require(lab.alive().length === 0, 'something runs on');
        require(lab.leases() === 0, 'capacity is held');
      }),
      { seed: 20261125, numRuns: 2_000 },
    );
  });

  /** Without the framework's own machinery, which would be most of the time here. */
  function require(holds: boolean, what: string): void {
    if (!holds) throw new Error(what);
  }

  function smallLab() {
    const by = jobPolicyOf(spec({ retries: { max: 2, delayMs: 0 }, runDeadlineMs: 50 }));
    const row = {
      at: 'queued' as 'queued' | 'granted' | 'running' | 'over',
      attempt: 0,
      deadlineAtMs: 0,
      isLost: false,
      losses: 0,
    };
    const told: JobFact[] = [];
    let isCanceled = false;
    let leases = 0;
    let nowMs = 0;
    const ends: string[] = [];
    /** Instances by attempt. */
    const instances = new Map<number, 'runs' | 'exited' | 'removed'>();
    let inbox: JobFact[] = [];
    let life: JobLife = lifeOfRow();

    const alive = () =>
      [...instances].filter(([, is]) => is === 'runs').map(([attempt]) => attempt);

    function lifeOfRow(): JobLife {
      const { attempt, deadlineAtMs } = row;
      const places: Record<typeof row.at, JobPlace> = {
        queued: { at: 'queued' },
        granted: { at: 'granted', attempt, host },
        running: { at: 'running', attempt, host, deadlineAtMs },
        over: { at: 'over' },
      };
      return {
        place: row.isLost ? { at: 'lost', attempt, host } : places[row.at],
        over: row.at === 'queued' ? attempt : Math.max(0, attempt - 1),
        retries: (row.at === 'queued' ? attempt : Math.max(0, attempt - 1)) - row.losses,
        queueDeadlineAtMs: 1_000,
        stop: isCanceled ? { reason: 'canceled', cause: person } : null,
        early: null,
      };
    }

    function finish(state: string): void {
      ends.push(state);
      row.at = 'over';
    }

    function step(): void {
      const doing = nextJobStep(life, nowMs);
      const apply = (fact: JobFact) => {
        life = applyJobFact(life, fact, by);
      };
      if (doing.kind === 'leaveQueue') {
        if (row.at === 'queued') finish('canceled');
        apply(row.at === 'over' ? { type: 'over' } : { ...grant(row.attempt) });
      } else if (doing.kind === 'start') {
        const { attempt } = doing;
        // Its row is the judge: nothing is made for an attempt that was taken back.
        if (row.isLost || row.at === 'over' || row.at === 'queued') return;
        require(attempt === row.attempt, 'started an attempt that is not the present one');
        if (!instances.has(attempt)) {
          require(alive().length === 0, 'two attempts at once');
          instances.set(attempt, 'runs');
        }
        require(instances.get(attempt) !== 'removed', 'started again after its end');
        row.at = 'running';
        row.deadlineAtMs = nowMs + by.runDeadlineMs;
        apply(started(attempt, nowMs));
      } else if (doing.kind === 'end') {
        end(doing.attempt, apply);
      } else if (doing.kind === 'lose') {
        const { attempt } = doing;
        require(row.isLost && attempt === row.attempt, 'lost what is not lost');
        const verdict = judgeLoss(
          { pickedUp: true, hostLosses: row.losses, detail: 'given up' },
          { stop: life.stop, policy: by, queueDeadlineMs: 1_000 },
        );
        leases -= 1;
        row.isLost = false;
        row.losses += 1;
        if (verdict.state === 'queued') row.at = 'queued';
        else finish(verdict.state);
        apply(overWith(attempt, verdict, nowMs));
      } else if (doing.kind === 'passDeadline') apply(passed(doing.attempt));
    }

    function end(attempt: number, apply: (fact: JobFact) => void): void {
      const is = instances.get(attempt);
      // Nobody answers for a host that is given up.
      if (row.isLost) return;
      if (is === 'runs' && life.stop === null) {
        apply({ type: 'stillRuns', attempt, deadlineAtMs: row.deadlineAtMs });
        return;
      }
      const code = { exitCode: attempt === 2 ? 0 : 1, signal: null, outOfMemory: false };
      const verdict = judgeAttempt(
        { exit: is === undefined ? null : code, byItself: is === 'exited', failure: null },
        { stop: life.stop, retries: life.retries, policy: by, queueDeadlineMs: 1_000 },
      );
      instances.set(attempt, 'removed');
      leases -= 1;
      if (verdict.state === 'queued') row.at = 'queued';
      else finish(verdict.state);
      // The queue may be faster than the answer.
      if (attempt === 1) act('grant');
      if (attempt === 1) act('news');
      apply(overWith(attempt, verdict, nowMs));
    }

    function act(what: Act): void {
      if (what === 'grant' && row.at === 'queued' && !isCanceled) {
        row.at = 'granted';
        row.attempt += 1;
        leases += 1;
        inbox.push(grant(row.attempt));
      } else if (what === 'cancel' && row.at !== 'over' && !isCanceled) {
        isCanceled = true;
        if (row.at === 'queued') {
          finish('canceled');
          inbox.push({ type: 'over' });
        } else inbox.push(cancel);
      } else if (what === 'step') step();
      else if (what === 'exit') for (const attempt of alive()) instances.set(attempt, 'exited');
      else if (what === 'news') {
        for (const fact of inbox.splice(0)) {
          told.push(fact);
          life = applyJobFact(life, fact, by);
        }
      } else if (what === 'newsAgain') {
        for (const fact of told) life = applyJobFact(life, fact, by);
      } else if (what === 'loseHost' && leases > 0 && !row.isLost) {
        row.isLost = true;
        if (instances.has(row.attempt)) instances.set(row.attempt, 'removed');
        inbox.push({ type: 'hostLost', attempt: row.attempt });
      } else if (what === 'tellExit') {
        for (const [attempt, is] of instances) {
          if (is !== 'runs') life = applyJobFact(life, exited(attempt), by);
        }
      } else if (what === 'tellWrongExit') {
        for (const attempt of [1, 2, 3]) life = applyJobFact(life, exited(attempt), by);
      } else if (what === 'newLife') {
        inbox = [];
        life = lifeOfRow();
      } else if (what === 'time') nowMs += 20;
      require(alive().length <= 1, 'two attempts at once');
      require(leases <= 1, 'more than one lease');
    }

    return {
      act,
      alive,
      ends: () => ends,
      leases: () => leases,
      settle() {
        for (let round = 0; round < 40 && nextJobStep(life, nowMs).kind !== 'done'; round += 1) {
          for (const what of ['grant', 'news', 'step', 'exit', 'tellExit'] as const) act(what);
        }
        require(nextJobStep(life, nowMs).kind === 'done', 'it never ends');
      },
    };
  }
});
