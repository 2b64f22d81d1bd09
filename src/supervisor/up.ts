import { randomUUID } from 'node:crypto';
import { watch } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig, refusalOfOpeva, refusalOfQulabs, type Config } from '../config.ts';
import { readTls, tlsFiles } from '../gateway/tls.ts';
import { createLog, type Log } from '../log.ts';
import { refusalToBind } from '../model/bind.ts';
import { openPostgresStore } from '../store/postgres/index.ts';
import type { App, Store } from '../store/ports.ts';
import { openDataFolder, type DataFolder } from './data-folder.ts';
import { ensureExampleApp } from './example-app.ts';
import { makeLoginLink } from './login-link.ts';
import { startMachine, type Machine } from './machine.ts';
import { programFolder } from './program.ts';
import { lockSupervisor } from './supervisor-lock.ts';

export const upUsage = `labkeeper up [--production] [--data DIR] [--stop-all] [--no-example] [--verbose] [--watch]

Runs everything on this machine until Ctrl-C: PostgreSQL, Temporal, worker, API and gateway.
Apps outlive it and are found again by the next start.

  --production   Temporal as a server on PostgreSQL, instead of its development server
  --data DIR     data folder (LABKEEPER_DATA, ./data)
  --stop-all     at the end put every app to sleep too
  --no-example   do not register the example app
  --verbose      show everything that the processes log
  --watch        restart the processes when a source file changes (npm run dev)
`;

/**
 * Runs all of labkeeper on this machine until SIGINT or SIGTERM; gives the exit code. Whatever
 * hinders it is one sentence on stderr that names the remedy. A second signal ends it at once.
 */
export async function up(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<number> {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        production: { type: 'boolean', default: false },
        data: { type: 'string' },
        'stop-all': { type: 'boolean', default: false },
        'no-example': { type: 'boolean', default: false },
        verbose: { type: 'boolean', default: false },
        watch: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      process.stdout.write(upUsage);
      return 0;
    }
    await run({
      environment: { ...environment, ...(values.data ? { LABKEEPER_DATA: values.data } : {}) },
      production: values.production,
      stopAll: values['stop-all'],
      example: !values['no-example'],
      verbose: values.verbose,
      watch: values.watch,
    });
    return 0;
  } catch (error) {
    process.stderr.write(`labkeeper: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

interface Run {
  production: boolean;
  environment: Readonly<Record<string, string | undefined>>;
  stopAll: boolean;
  example: boolean;
  verbose: boolean;
  watch: boolean;
}

async function run(options: Run): Promise<void> {
  const beganMs = performance.now();
  const ended = endSignals();
  const config = loadConfig(options.environment);
  const refused =
    refusalToBind(config.LABKEEPER_BIND, config.LABKEEPER_AUTHENTICATION) ??
    refusalOfQulabs(config) ??
    refusalOfOpeva(config);
  if (refused !== null) throw new Error(refused);
  const tls = tlsFiles(config);
  if (tls !== null) await readTls(tls);
  const folder = await openDataFolder(config.LABKEEPER_DATA, config.LABKEEPER_HOST_NAME);
  const lock = await lockSupervisor(folder.run);
  try {
    const log = createLog({
      process: 'supervisor',
      level: config.LABKEEPER_LOG_LEVEL,
      file: join(folder.logs, 'supervisor.log'),
    });
    say(`labkeeper starts; its data is in ${folder.path}`);
    if (lock.tookOverFrom !== null)
      say('  the last supervisor ended without a word; going on from there');
    const { environment, production, verbose } = options;
    const machine = await startMachine({
      ...{ config, environment, folder, production, log, say, verbose },
    });
    try {
      await greet(options, config, folder, machine, beganMs);
      const unwatch = options.watch ? restartOnChange(machine, log) : () => undefined;
      say(await ended.first);
      unwatch();
      await tellWhatGoesOn(options.stopAll, machine, config, log);
    } finally {
      await machine.stop();
    }
    say('labkeeper has ended');
  } finally {
    ended.forget();
    await lock.release();
  }
}

async function greet(
  options: Run,
  config: Config,
  folder: DataFolder,
  machine: Machine,
  beganMs: number,
): Promise<void> {
  const { addresses } = machine;
  const { wished, ports } = addresses;
  for (const name of ['console', 'apps'] as const) {
    if (wished[name] === ports[name] || wished[name] === 0) continue;
    say(`  port ${wished[name]} is busy, so ${name} is on ${ports[name]}`);
  }
  const example = options.example
    ? await ensureExampleApp({
        ...{ programFolder, dataFolder: folder.path, apiUrl: addresses.apiUrl },
        internalToken: await readFile(folder.internalToken, 'utf8'),
      }).catch((error: unknown) => {
        say(`  the example app was not registered: ${String(error)}`);
        return null;
      })
    : null;
  say(`Ready in ${((performance.now() - beganMs) / 1000).toFixed(1)} s.\n`);
  say(`  labkeeper        ${addresses.consoleUrl}`);
  if (example !== null) say(`  example app      ${example.url}`);
  if (addresses.temporalUiUrl !== null) say(`  Temporal Web UI  ${addresses.temporalUiUrl}`);
  await sayHowToLogIn(config, folder, addresses.apiUrl);
  say('\nCtrl-C ends it; apps go on running.');
}

/** People must log in: the first operator gets a link here, since nobody else could make one. */
async function sayHowToLogIn(config: Config, folder: DataFolder, apiUrl: string): Promise<void> {
  if (config.LABKEEPER_AUTHENTICATION === 'open') return;
  const marker = join(folder.path, 'first-login-link');
  const wasSaid = await readFile(marker, 'utf8').catch(() => null);
  if (wasSaid !== null) {
    say('\nPeople log in. `labkeeper login-link NAME` on this machine makes a link that lets in.');
    return;
  }
  const link = await makeLoginLink({
    ...{ apiUrl, person: 'admin', operator: true },
    internalToken: await readFile(folder.internalToken, 'utf8'),
  });
  await writeFile(marker, `${new Date().toISOString()}\n`);
  say(
    `\nPeople log in. This link makes you admin, once, until ${link.expiresAt}:\n\n  ${link.url}`,
  );
}

/** Before anything stops: which apps outlive the control plane, or their end when asked for. */
async function tellWhatGoesOn(
  stopAll: boolean,
  machine: Machine,
  config: Config,
  log: Log,
): Promise<void> {
  const { environment } = machine;
  const passwordFile = environment['LABKEEPER_DATABASE_PASSWORD_FILE'];
  try {
    const store = await openPostgresStore({
      url: environment['LABKEEPER_DATABASE_URL'] ?? config.LABKEEPER_DATABASE_URL,
      ...(passwordFile === undefined ? {} : { passwordFile }),
      ...{ poolSize: 2, applicationName: 'labkeeper supervisor', log },
    });
    try {
      if (stopAll) await stopApps(store);
      const awake = (await liveApps(store)).map(({ name }) => name);
      if (awake.length > 0) {
        say(`These apps go on running: ${awake.join(', ')}.`);
        say('The next start finds them. To end them too: `labkeeper up --stop-all`, then Ctrl-C.');
      }
    } finally {
      await store.close();
    }
  } catch (error) {
    say(`cannot tell which apps go on running: ${String(error)}`);
  }
}

async function stopApps(store: Store): Promise<void> {
  const cause = { actor: 'labkeeper up', why: 'it ends, with --stop-all' };
  const apps = await liveApps(store);
  if (apps.length > 0) say(`Putting to sleep: ${apps.map(({ name }) => name).join(', ')} …`);
  for (const { name } of apps) {
    await store.apps.command({ name, verb: 'sleep', cause, operationId: randomUUID() });
  }
  const endsAtMs = performance.now() + 60_000;
  while (performance.now() < endsAtMs && (await liveApps(store)).length > 0) {
    await new Promise((done) => setTimeout(done, 200));
  }
}

/** Apps that something runs of, now or soon. */
async function liveApps(store: Store): Promise<App[]> {
  const live: App[] = [];
  for (let after: string | undefined; ;) {
    const page = await store.apps.list({ ...(after === undefined ? {} : { after }), limit: 200 });
    live.push(
      ...page.filter(({ condition }) => condition.phase !== 'none' && condition.phase !== 'failed'),
    );
    after = page.at(-1)?.name;
    if (page.length < 200) return live;
  }
}

/** `npm run dev`: a change of a source file restarts our processes. */
function restartOnChange(machine: Machine, log: Log): () => void {
  let timer: NodeJS.Timeout | undefined;
  const restart = () => {
    say('a source file changed: restarting worker, API and gateway');
    Promise.all(machine.services.map((service) => service.restart(2_000))).catch((error: unknown) =>
      log.error({ err: error }, 'cannot restart a process'),
    );
  };
  const watcher = watch(join(programFolder, 'src'), { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(restart, 300);
  });
  return () => {
    clearTimeout(timer);
    watcher.close();
  };
}

/** The first signal asks to end in order; the second ends this process as signals do. */
function endSignals(): { first: Promise<string>; forget: () => void } {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  let handle: (name: NodeJS.Signals) => void = () => undefined;
  const first = new Promise<string>((done) => {
    handle = (name) => {
      for (const each of names) process.off(each, handle);
      done(`\n${name}: ending in order; a second one ends at once.`);
    };
  });
  for (const name of names) process.on(name, handle);
  return {
    first,
    forget: () => {
      for (const name of names) process.off(name, handle);
    },
  };
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`);
}
