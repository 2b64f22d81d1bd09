import { destination, pino, type Logger, type LoggerOptions } from 'pino';

export type Log = Logger;

/** Keys whose values never reach a log line, wherever they stand in a logged object. */
const secretKeys = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-registry-auth',
  'x-labkeeper-proxy-proof',
  'password',
  'token',
  'secret',
  'secrets',
  'credentials',
  'registryCredentials',
  'authconfig',
  'environment',
  'env',
  'Env',
  'value',
];
/** So deep below a logged object they are looked for. */
const depths = ['', '*', '*.*', '*.*.*'];

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
      paths: secretKeys.flatMap((key) => depths.map((depth) => `${depth}["${key}"]`)),
      censor: '[removed]',
    },
  };
  if (options.file === undefined) return pino(settings);
  return pino(settings, destination({ dest: options.file, append: true, sync: true, mode: 0o600 }));
}
