import { errorAnswer, type Answer } from '../http/answer.ts';
import { endHeld, type Exchange, type Listener } from '../http/connection.ts';
import { closeSocketsOf, type Sockets } from '../sockets.ts';
import { isFresh, type Access } from './access.ts';
import type { Pass } from './pass.ts';

/** Looks after passes that something open holds on to: requests, streams, WebSockets. */
export interface Holding {
  /** Asks for each of them anew, where what is known may have changed. */
  ask(): void;
  /** Ends everything that came in with these. */
  end(passes: ReadonlySet<Pass>): void;
  close(): void;
}

export function watchHolders(
  access: Access,
  {
    listeners,
    sockets,
    everyMs,
  }: { listeners: readonly Listener[]; sockets: Sockets; everyMs: number },
): Holding {
  const held = () => {
    const passes = new Set<Pass>();
    for (const { connections } of listeners) {
      for (const { exchange } of connections) {
        if (exchange?.holder) passes.add(exchange.holder as Pass);
      }
    }
    for (const open of sockets.byApp.values()) for (const pass of open.values()) passes.add(pass);
    return passes;
  };
  const end = (passes: ReadonlySet<Pass>) => {
    closeSocketsOf(sockets, passes);
    for (const listener of listeners) endHeld(listener, passes, noAccess);
  };
  const ask = () => {
    const nowMs = Date.now();
    const over = new Set<Pass>();
    for (const pass of held()) {
      if (pass.endsAtMs <= nowMs) over.add(pass);
      else if (!isFresh(access, pass)) void access.checks.ask(pass);
    }
    if (over.size > 0) end(over);
  };
  // A hint may get lost, and an end comes by itself.
  const sweep = setInterval(ask, everyMs).unref();
  return { ask, end, close: () => clearInterval(sweep) };
}

const noAccess = ({ head }: Exchange): Answer =>
  errorAnswer(head, 401, 'you may not open this app any more', { title: 'No access' });
