import { destination, pino, type Logger, type LoggerOptions } from 'pino';

export type Log = Logger;

/** Keys whose values never reach a log line, wherever they stand in a logged object. */
const secretKeys = ['authorization', 'cookie', 'set-cookie', 'password', 'token', 'secret'];

/**
 * One JSON line an event on stdout, or appended to `file`. Messages are short constants; facts are
 * fields.
 */
export function createLog(options: { process: string; level: string; file?: string }): Log {
  const settings: LoggerOptions = {
    level: options.level,
    base: { process: options.process, pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: {
      paths: secretKeys.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]),
      censor: '[removed]',
    },
  };
  if (options.file === undefined) return pino(settings);
  return pino(settings, destination({ dest: options.file, append: true, sync: true, mode: 0o600 }));
}
