import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { appSpecSchema } from '../model/app-spec.ts';
import type { Log } from '../log.ts';
import type { AppRoute } from '../store/ports.ts';
import type { Routes } from './routes.ts';

/**
 * The last routes on disk, so that a gateway that starts while the database is down still serves.
 * Environment variables of apps are left out: the gateway needs none.
 */
export async function readSnapshot(file: string, log: Log): Promise<AppRoute[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const absent = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (!absent) log.warn({ file, err: error }, 'cannot read the snapshot of routes');
    return [];
  }
  try {
    const parsed: unknown = JSON.parse(text);
    if (!Array.isArray(parsed)) throw new Error('it holds no list');
    return parsed.flatMap((one: AppRoute) => {
      const spec = appSpecSchema.safeParse(one.spec);
      return spec.success && typeof one.app === 'string'
        ? [{ ...one, spec: spec.data, aliases: one.aliases ?? [] }]
        : [];
    });
  } catch (error) {
    log.warn({ file, err: error }, 'the snapshot of routes is unreadable: starting without it');
    return [];
  }
}

/** Writes the snapshot soon after routes change, at most every `everyMs`. */
export function keepSnapshot(routes: Routes, file: string, everyMs: number, log: Log) {
  let timer: NodeJS.Timeout | null = null;
  let failing = false;
  let writing = Promise.resolve();
  const write = () => {
    timer = null;
    writing = writing.then(writeNow);
    return writing;
  };
  const writeNow = async () => {
    const list = [...routes.entries.values()].map(({ route }) => ({
      ...route,
      spec: { ...route.spec, environment: {} },
    }));
    try {
      await mkdir(dirname(file), { recursive: true });
      const draft = `${file}.${process.pid}`;
      await writeFile(draft, JSON.stringify(list), { mode: 0o600 });
      await rename(draft, file);
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ file, err: error }, 'cannot write the snapshot of routes');
      failing = true;
    }
  };
  routes.watchers.add(() => {
    timer ??= setTimeout(() => void write(), everyMs).unref();
  });
  return {
    /** Writes what is still to be written. */
    flush(): Promise<void> {
      if (timer === null) return writing;
      clearTimeout(timer);
      return write();
    },
  };
}
