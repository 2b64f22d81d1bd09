import type { Host, HostStore } from '../store/ports.ts';
import type { LogPart, LogReader, LogStretch } from './log-reader.ts';

/** Finds which host keeps the log of an instance, and reads it there. */
export interface InstanceLogs {
  /**
   * A stretch of it, live or archived. Empty and complete when nothing was kept. `host` is where it runs or ran, if
   * that is known. Throws `host_unreachable`, naming the host.
   */
  read(
    instance: string,
    host: string | null,
    range: LogStretch,
    signal?: AbortSignal,
  ): Promise<LogPart>;
}

export function instanceLogs(options: { hosts: HostStore; reader: LogReader }): InstanceLogs {
  const { hosts, reader } = options;
  /** Logs do not move: once found, a log is read where it was. Bounded, oldest forgotten. */
  const foundOn = new Map<string, string>();

  const remember = (instance: string, host: string) => {
    foundOn.delete(instance);
    foundOn.set(instance, host);
    if (foundOn.size > 1_000) foundOn.delete(foundOn.keys().next().value ?? '');
  };

  return {
    async read(instance, current, range, signal) {
      const known = current ?? foundOn.get(instance) ?? null;
      if (known !== null) {
        const host = await hosts.find(known);
        if (host !== null) return reader.read(host, instance, range, signal);
      }
      // An instance that is gone has left its log where it ran, and nobody else's is empty.
      const answers = await everywhere(await hosts.list(), (host) =>
        reader.read(host, instance, range, signal),
      );
      const [found] = answers.filter(({ answer }) => answer.nextByte > 0);
      if (found === undefined) return answers[0]?.answer ?? nothing(range);
      remember(instance, found.host.name);
      return found.answer;
    },
  };
}

/** Asks all hosts; those that do not answer count only when none does. */
async function everywhere<Answer>(
  hosts: readonly Host[],
  ask: (host: Host) => Promise<Answer>,
): Promise<{ host: Host; answer: Answer }[]> {
  const settled = await Promise.allSettled(hosts.map(ask));
  const answers = settled.flatMap((result, at) => {
    const host = hosts[at];
    return result.status === 'fulfilled' && host !== undefined
      ? [{ host, answer: result.value }]
      : [];
  });
  const failure = settled.find((result) => result.status === 'rejected');
  if (answers.length === 0 && failure !== undefined) throw failure.reason;
  return answers;
}

/** What there is to read where nothing was ever written. */
export function nothing(range: LogStretch): LogPart {
  const at = range.fromByte ?? 0;
  return { fromByte: at, nextByte: at, bytes: new Uint8Array(), complete: true };
}
