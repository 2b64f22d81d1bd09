import { instanceName } from '../model/names.ts';
import type { LogTailJson, UsageJson } from '../model/api.ts';
import type { App, HostStore } from '../store/ports.ts';
import { instanceLogs, nothing } from './instance-logs.ts';
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
  const instances = instanceLogs(options);

  const read: AppLogs['read'] = async (app, generation, range, signal) => {
    if (generation === 0) return nothing(range);
    const { condition, name } = app;
    const current = generation === condition.generation ? condition.host : null;
    return instances.read(instanceName(name, generation), current, range, signal);
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
