import net from 'node:net';

/** Where an app (or the API) listens. */
export interface Target {
  address: string;
  port: number;
}

/** One connection to a target. Its socket's events go to whoever uses it now. */
export interface Upstream {
  readonly socket: net.Socket;
  readonly key: string;
  user: UpstreamUser | null;
  connected: boolean;
  /** It has served a request before: it may have been closed at the other end meanwhile. */
  reused: boolean;
  idleSinceMs: number;
  keepIdleMs: number;
}

export interface UpstreamUser {
  /** `bytes` are overwritten by the next read of any connection: what is kept must be copied. */
  onData(bytes: Buffer): void;
  onDrain(): void;
  /** The other end said it will send no more. */
  onEnd(): void;
  onClose(error: Error | null): void;
}

export interface UpstreamPool {
  idle: Map<string, Upstream[]>;
  sweep: NodeJS.Timeout;
}

/** Keep-alive connections to all targets, newest used first. */
export function createPool(): UpstreamPool {
  const pool: UpstreamPool = {
    idle: new Map(),
    sweep: setInterval(() => expire(pool), 1_000).unref(),
  };
  return pool;
}

export function closePool(pool: UpstreamPool): void {
  clearInterval(pool.sweep);
  for (const list of pool.idle.values()) for (const upstream of list) upstream.socket.destroy();
  pool.idle.clear();
}

/**
 * A connection to `target` for `user`: an idle one that was used less than `freshMs` ago, else a new
 * one. A new one that cannot be made tells `user.onClose`.
 */
export function take(
  pool: UpstreamPool,
  target: Target,
  user: UpstreamUser,
  freshMs: number,
): Upstream {
  const key = `${target.address}:${target.port}`;
  const list = pool.idle.get(key);
  if (list !== undefined) {
    const upstream = list[list.length - 1];
    if (upstream !== undefined && Date.now() - upstream.idleSinceMs <= freshMs) {
      list.pop();
      upstream.user = user;
      return upstream;
    }
  }
  return open(pool, target, key, user);
}

/** Puts a connection back, unless it is unfit for another request. */
export function give(
  pool: UpstreamPool,
  upstream: Upstream,
  keepAliveSeconds: number | null,
): void {
  upstream.user = null;
  const { socket } = upstream;
  if (socket.destroyed || socket.readableEnded || socket.writableLength > 0) {
    socket.destroy();
    return;
  }
  let list = pool.idle.get(upstream.key);
  if (list === undefined) {
    list = [];
    pool.idle.set(upstream.key, list);
  }
  if (list.length >= maxIdlePerTarget) {
    socket.destroy();
    return;
  }
  upstream.reused = true;
  upstream.idleSinceMs = Date.now();
  if (keepAliveSeconds !== null) {
    upstream.keepIdleMs = Math.max(0, Math.min(maxIdleMs, (keepAliveSeconds - 1) * 1000));
  }
  if (socket.isPaused()) socket.resume();
  list.push(upstream);
}

/** Idle longer than this a connection is closed here, before common servers (5 s) close theirs. */
const defaultIdleMs = 4_000;
const maxIdleMs = 60_000;
const maxIdlePerTarget = 256;
const connectTimeoutMs = 5_000;
/** One buffer for the reads of all connections: a fresh one each read costs a fifth of the time. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

function open(pool: UpstreamPool, target: Target, key: string, user: UpstreamUser): Upstream {
  const socket = net.connect({
    host: target.address,
    port: target.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 15_000,
    allowHalfOpen: true,
    onread: { buffer: readBuffer, callback: (bytes) => read(upstream, bytes) },
  });
  const upstream: Upstream = {
    socket,
    key,
    user,
    connected: false,
    reused: false,
    idleSinceMs: 0,
    keepIdleMs: defaultIdleMs,
  };
  let failure: Error | null = null;
  const deadline = setTimeout(
    () => socket.destroy(new Error(`no connection within ${connectTimeoutMs} ms`)),
    connectTimeoutMs,
  );
  socket.on('connect', () => {
    upstream.connected = true;
    clearTimeout(deadline);
  });
  socket.on('drain', () => upstream.user?.onDrain());
  socket.on('end', () => {
    if (upstream.user === null) socket.destroy();
    else upstream.user.onEnd();
  });
  socket.on('error', (error) => {
    failure = error;
  });
  socket.on('close', () => {
    clearTimeout(deadline);
    if (upstream.user !== null) {
      const { user: last } = upstream;
      upstream.user = null;
      last.onClose(failure);
      return;
    }
    forget(pool, upstream);
  });
  return upstream;
}

function read(upstream: Upstream, bytes: number): boolean {
  const { user, socket } = upstream;
  // Bytes nobody asked for: this connection must not serve a request any more.
  if (user === null) socket.destroy();
  else user.onData(readBuffer.subarray(0, bytes));
  return true;
}

function forget(pool: UpstreamPool, upstream: Upstream): void {
  const list = pool.idle.get(upstream.key);
  if (list === undefined) return;
  const index = list.indexOf(upstream);
  if (index !== -1) list.splice(index, 1);
  if (list.length === 0) pool.idle.delete(upstream.key);
}

function expire(pool: UpstreamPool): void {
  const nowMs = Date.now();
  for (const list of pool.idle.values()) {
    for (const upstream of list) {
      if (nowMs - upstream.idleSinceMs > upstream.keepIdleMs) upstream.socket.destroy();
    }
  }
}
