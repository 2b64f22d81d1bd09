import { instanceName } from '../model/names.ts';
import type { LogTailJson, UsageJson } from '../model/api.ts';
import type { App, Host, HostStore } from '../store/ports.ts';
import type { LogPart, LogReader, LogStretch } from './log-reader.ts';

/** Finds which host keeps an app's log, and reads it there. */
export interface AppLogs {
  /**
   * A stretch of the log of one generation, live or archived. Empty and complete when nothing was
   * kept. Throws `host_unreachable`, naming the host.
   */
  read(app: App, generation: number, range: LogStretch, signal?: AbortSignal): Promise<LogPart>;
  /** The last lines of the current or last generation: at most 20 of 400 characters. */
  lastLines(app: App, signal?: AbortSignal): Promise<LogTailJson>;
  /** What the running instance uses; null when none runs. */
  usage(app: App, signal?: AbortSignal): Promise<UsageJson | null>;
}

const tailLines = 20;
const lineCharacters = 400;
const tailBytes = 16 * 1024;

export function appLogs(options: { hosts: HostStore; reader: LogReader }): AppLogs {
  const { hosts, reader } = options;
  /** Logs do not move: once found, a log is read where it was. Bounded, oldest forgotten. */
  const foundOn = new Map<string, string>();

  const remember = (instance: string, host: string) => {
    foundOn.delete(instance);
    foundOn.set(instance, host);
    if (foundOn.size > 1_000) foundOn.delete(foundOn.keys().next().value ?? '');
  };

  const read: AppLogs['read'] = async (app, generation, range, signal) => {
    if (generation === 0) return nothing(range);
    const instance = instanceName(app.name, generation);
    const current = generation === app.condition.generation ? app.condition.host : null;
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
  };

  return {
    read,
    async lastLines(app, signal) {
      const { generation } = app.condition;
      const { bytes } = await read(app, generation, { tailBytes }, signal);
      const lines = new TextDecoder().decode(bytes).split('\n');
      const kept = lines.filter((line) => line.trim() !== '').slice(-tailLines);
      return { generation, lines: kept.map((line) => line.slice(0, lineCharacters)) };
    },
    async usage(app, signal) {
      const { host: name, generation, phase } = app.condition;
      if (name === null || phase === 'none' || phase === 'failed') return null;
      const host = await hosts.find(name);
      if (host === null) return null;
      return reader.usage(host, instanceName(app.name, generation), signal);
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

function nothing(range: LogStretch): LogPart {
  const at = range.fromByte ?? 0;
  return { fromByte: at, nextByte: at, bytes: new Uint8Array(), complete: true };
}
