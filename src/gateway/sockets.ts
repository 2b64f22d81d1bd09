import type { Pass } from './access/pass.ts';
import { detach, type Exchange } from './http/connection.ts';
import type { Routes } from './routes.ts';
import type { Upstream } from './upstream.ts';
import { noteCounts, noteUse, useOf, type UseLedger } from './use.ts';
import { closePipe, openPipe, type Pipe } from './websocket.ts';

/** All open WebSockets, by app. */
export interface Sockets {
  open: number;
  byApp: Map<string, Map<Pipe, Pass>>;
  ledger: UseLedger;
}

export function createSockets(ledger: UseLedger, routes: Routes): Sockets {
  const sockets: Sockets = { open: 0, byApp: new Map(), ledger };
  routes.watchers.add((app, entry) => {
    // The route is gone: the stop is decided, and who still listens is told before the app ends.
    if (entry === null || entry.route.target === null) closeSockets(sockets, app);
  });
  return sockets;
}

/** Joins visitor and app after the app's 101. */
export function joinSockets(
  sockets: Sockets,
  exchange: Exchange,
  app: string,
  from: { upstream: Upstream; switchHead: string; behind: Buffer | null; pass: Pass },
): void {
  const { socket } = exchange.connection;
  const early = detach(exchange);
  const use = useOf(sockets.ledger, app);
  noteCounts(use, { openSockets: 1 });
  sockets.open += 1;
  socket.write(from.switchHead, 'latin1');
  let set = sockets.byApp.get(app);
  if (set === undefined) {
    set = new Map();
    sockets.byApp.set(app, set);
  }
  const open = set;
  let pipe: Pipe | null = null;
  let over = false;
  pipe = openPipe(
    socket,
    from.upstream,
    { fromClient: early, fromServer: from.behind },
    {
      onClientData: () => noteUse(sockets.ledger, use, 'WebSocket message'),
      onServerData: () => {},
      onClose: () => {
        over = true;
        sockets.open -= 1;
        noteCounts(use, { openSockets: -1 });
        if (pipe !== null) open.delete(pipe);
        if (open.size === 0 && sockets.byApp.get(app) === open) sockets.byApp.delete(app);
      },
    },
  );
  if (!over) open.set(pipe, from.pass);
}

function closeSockets(sockets: Sockets, app: string): void {
  for (const pipe of sockets.byApp.get(app)?.keys() ?? []) closePipe(pipe, 'going away');
}

/** Visitors who may not go on: their sockets end and say why. */
export function closeSocketsOf(sockets: Sockets, passes: ReadonlySet<Pass>): void {
  for (const open of sockets.byApp.values()) {
    for (const [pipe, pass] of open) if (passes.has(pass)) closePipe(pipe, 'not allowed');
  }
}

export function closeAllSockets(sockets: Sockets): void {
  for (const app of sockets.byApp.keys()) closeSockets(sockets, app);
}
