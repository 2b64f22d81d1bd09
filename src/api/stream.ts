import { Problem } from './problem.ts';

/** A body that is written while it is read, with a bound on what waits for a slow reader. */
export interface OpenStream {
  body: ReadableStream<Uint8Array>;
  /** Adds bytes; a reader that is `bufferBytes` behind is dropped, and comes back by its last id. */
  write(chunk: string | Uint8Array): void;
  /** Resolves when the reader has taken what was written, or is gone. */
  drained(): Promise<void>;
  /** Ends it after what was written. */
  end(): void;
  /** Aborts when the reader is gone, was dropped, or the stream was ended. */
  closed: AbortSignal;
}

/** Opens streams up to a limit, and ends them all when the process does. */
export interface Streams {
  /** Throws the problem `too_many_streams` at the limit. */
  open(options?: { heartbeat?: string }): OpenStream;
  count(): number;
  /** Ends all that are open: what was allowed may not be any more. Readers come back by their last id. */
  endAll(): void;
}

export function streams(options: {
  maxStreams: number;
  bufferBytes: number;
  heartbeatMs: number;
  ending: AbortSignal;
}): Streams {
  const { maxStreams, bufferBytes, heartbeatMs, ending } = options;
  const open = new Set<OpenStream>();
  const endAll = () => open.forEach((stream) => stream.end());
  ending.addEventListener('abort', endAll, { once: true });
  return {
    endAll,
    count: () => open.size,
    open({ heartbeat } = {}) {
      if (open.size >= maxStreams || ending.aborted) {
        throw new Problem(
          'too_many_streams',
          `${open.size} streams are open, and the limit is ${maxStreams} (LABKEEPER_MAX_EVENT_STREAMS)`,
        );
      }
      const stream = boundedStream(bufferBytes);
      open.add(stream);
      const beat =
        heartbeat === undefined ? null : setInterval(() => stream.write(heartbeat), heartbeatMs);
      stream.closed.addEventListener(
        'abort',
        () => {
          open.delete(stream);
          if (beat !== null) clearInterval(beat);
        },
        { once: true },
      );
      return stream;
    },
  };
}

/** Waits hold our own queue, so that a drop frees it at once and the answer ends cleanly. */
function boundedStream(bufferBytes: number): OpenStream {
  const encoder = new TextEncoder();
  const closed = new AbortController();
  const queue: Uint8Array[] = [];
  let queuedBytes = 0;
  let waiting: (() => void) | null = null;
  let onDrained: (() => void)[] = [];

  const wakeReader = () => {
    waiting?.();
    waiting = null;
  };
  const release = () => {
    for (const resolve of onDrained) resolve();
    onDrained = [];
  };
  const close = () => {
    closed.abort();
    wakeReader();
    release();
  };

  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (queue.length === 0 && !closed.signal.aborted) {
          await new Promise<void>((resolve) => (waiting = resolve));
        }
        const chunk = queue.shift();
        if (chunk === undefined) {
          controller.close();
          return;
        }
        queuedBytes -= chunk.length;
        controller.enqueue(chunk);
        if (queue.length === 0) release();
      },
      cancel() {
        queue.length = 0;
        close();
      },
    },
    { highWaterMark: 0 },
  );

  return {
    body,
    closed: closed.signal,
    write(chunk) {
      if (closed.signal.aborted) return;
      const bytes = typeof chunk === 'string' ? encoder.encode(chunk) : chunk;
      if (queuedBytes + bytes.length > bufferBytes && queue.length > 0) {
        queue.length = 0;
        queuedBytes = 0;
        close();
        return;
      }
      queue.push(bytes);
      queuedBytes += bytes.length;
      wakeReader();
    },
    drained() {
      if (closed.signal.aborted || queue.length === 0) return Promise.resolve();
      return new Promise((resolve) => onDrained.push(resolve));
    },
    end: close,
  };
}
