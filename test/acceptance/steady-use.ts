import { setTimeout as pause } from 'node:timers/promises';
import { eventually } from '../beds/eventually.ts';
import { openSocket } from '../beds/socket.ts';

/** What a visitor met who used an app all the time. */
export interface Experience {
  answers: number;
  /** Everything but a 200, each in words. */
  failures: string[];
  /** Processes that answered: one, unless the app was started anew. */
  pids: number[];
  /** Messages that came back over the one WebSocket. */
  echoes: number;
}

export interface SteadyUse {
  soFar(): Experience;
  /** Waits for what is under way, and for every echo. */
  stop(): Promise<Experience>;
}

/**
 * One visitor who asks for `/who` again and again, and (unless `socket` is false) sends a message
 * over a WebSocket at each turn. Any failure is noted, never thrown: the test decides.
 */
export async function useSteadily(
  urlOf: (path: string) => string,
  options: { everyMs?: number; socket?: boolean } = {},
): Promise<SteadyUse> {
  const { everyMs = 50, socket = true } = options;
  const failures: string[] = [];
  const pids = new Set<number>();
  let answers = 0;
  let sent = 0;
  let going = true;
  const open = socket ? await openSocket(urlOf('/socket')) : null;
  void open?.closed.then((code) => {
    if (going) failures.push(`the WebSocket was closed with ${code}`);
  });
  const turn = async () => {
    try {
      const answer = await fetch(urlOf('/who'), { signal: AbortSignal.timeout(20_000) });
      const text = await answer.text();
      if (answer.status !== 200) failures.push(`${answer.status}: ${text.slice(0, 300)}`);
      else pids.add((JSON.parse(text) as { pid: number }).pid);
    } catch (error) {
      failures.push(`${String(error)} (${String((error as Error).cause)})`);
    }
    answers += 1;
  };
  const run = (async () => {
    while (going) {
      if (open !== null && open.socket.readyState === open.socket.OPEN) {
        sent += 1;
        open.socket.send(`message ${sent}`);
      }
      await turn();
      await pause(everyMs);
    }
  })();
  const soFar = () => ({
    answers,
    failures: [...failures],
    pids: [...pids],
    echoes: open?.received.length ?? 0,
  });
  return {
    soFar,
    async stop() {
      going = false;
      await run;
      if (open !== null) {
        await eventually(() => {
          if (failures.length === 0 && open.received.length < sent) {
            throw new Error(`${open.received.length} of ${sent} messages came back`);
          }
        }).catch((error: unknown) => failures.push(String(error)));
        open.socket.terminate();
      }
      return soFar();
    },
  };
}

/** Resolves once the visitor was answered `more` times after now: time as the visitor sees it. */
export async function afterAnswers(use: SteadyUse, more: number): Promise<void> {
  const target = use.soFar().answers + more;
  await eventually(
    () => {
      const { answers } = use.soFar();
      if (answers < target) throw new Error(`${answers} of ${target} answers`);
    },
    { deadlineMs: 60_000 },
  );
}
