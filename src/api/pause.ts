/** Resolves after the time, or as soon as `signal` aborts. Keeps no process alive. */
export function pause(durationMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const over = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, durationMs);
    timer.unref();
    signal.addEventListener('abort', over, { once: true });
  });
}
