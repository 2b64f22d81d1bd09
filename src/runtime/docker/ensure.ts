import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerCreateOptions } from 'dockerode';
import { portsToTry } from '../../model/container-ports.ts';
import { LabError } from '../../model/failures.ts';
import { volumeVariables, withVolumes } from '../../model/volume-mount.ts';
import type { EnsureOptions, Instance, InstanceSpec } from '../containers.ts';
import { labels } from '../../model/instance-labels.ts';
import { substitute } from '../substitute.ts';
import { call, callOr, reasonOf, refused, statusOf, type Engine } from './engine.ts';
import { noCredentials, resolveImage, type ResolvedImage } from './image.ts';
import { inspectInstance } from './inspect.ts';
import { containerName, ownLabels } from './naming.ts';

/**
 * What entrypoints of common images do before they serve: chown their data, read files of others,
 * change to their own user, signal its processes, bind port 80. Everything else (raw sockets,
 * devices, chroot, setting capabilities on files) is dropped.
 */
const neededCapabilities = [
  'CHOWN',
  'DAC_OVERRIDE',
  'FOWNER',
  'KILL',
  'NET_BIND_SERVICE',
  'SETGID',
  'SETUID',
];

const makeMs = 5_000;
const betweenLooksMs = 20;

/** Create or adopt, as the port says. */
export async function ensureInstance(
  engine: Engine,
  spec: InstanceSpec,
  options: EnsureOptions,
): Promise<Instance> {
  const { name } = spec;
  for (let tries = 0; tries < 3; tries += 1) {
    options.signal?.throwIfAborted();
    let found = await inspectInstance(engine, name);
    if (found === null) {
      await create(engine, spec, options);
      found = await waitUntilMade(engine, name);
    }
    if (found?.phase === 'created') await start(engine, name);
    if (found?.phase === 'paused') await unpause(engine, name);
    const now = await inspectInstance(engine, name);
    // An engine under load may say that it resumed a container which it froze a moment ago.
    if (now !== null && now.phase !== 'paused') return now;
    if (now !== null) await pause(betweenLooksMs * 10);
  }
  throw new LabError(
    'runtime_unavailable',
    `cannot start ${name}: it was removed, or frozen, each time it was started`,
  );
}

/** A name is taken before its container can be seen. Null when it stays unseen: it was removed. */
async function waitUntilMade(engine: Engine, name: string): Promise<Instance | null> {
  const endsAtMs = performance.now() + makeMs;
  for (;;) {
    const found = await inspectInstance(engine, name);
    if (found !== null || performance.now() > endsAtMs) return found;
    await pause(betweenLooksMs);
  }
}

async function create(engine: Engine, spec: InstanceSpec, options: EnsureOptions): Promise<void> {
  const attempt = `start ${spec.name}`;
  const { image } = spec;
  if (image === undefined) {
    throw new LabError('invalid', `cannot ${attempt}: a container needs an image`);
  }
  const secrets = (await spec.secrets?.()) ?? {};
  const credentials = spec.registryCredentials ?? noCredentials;
  const network = (await firstNetwork(engine, spec.networks ?? [])) ?? engine.network;
  for (let tries = 1; ; tries += 1) {
    const resolved = await resolveImage(engine, image, { ...options, credentials });
    try {
      await call(engine, attempt, (abortSignal) =>
        engine.docker.createContainer({
          ...createOptions(engine, spec, {
            ports: portsOf(spec, resolved),
            image: resolved,
            secrets,
            network,
          }),
          abortSignal,
        }),
      );
      return;
    } catch (error) {
      // Somebody was faster: theirs is adopted.
      if (statusOf(error) === 409) return;
      // The image was removed between the two calls.
      if (statusOf(error) === 404 && tries < 3) continue;
      throw refused(attempt, error);
    }
  }
}

/** The first of these that the engine has. */
async function firstNetwork(
  engine: Engine,
  wanted: readonly string[],
): Promise<string | undefined> {
  if (wanted.length === 0) return undefined;
  const networks = await call(engine, 'list networks', (abortSignal) =>
    engine.docker.listNetworks({ abortSignal }),
  );
  const names = new Set(networks.map(({ Name }) => Name));
  return wanted.find((name) => names.has(name));
}

/** None for what serves nothing. */
function portsOf({ port, alternativePorts = [] }: InstanceSpec, image: ResolvedImage) {
  return port === undefined ? [] : portsToTry({ port, alternativePorts }, image.exposedPorts);
}

function createOptions(
  engine: Engine,
  spec: InstanceSpec,
  made: {
    ports: readonly number[];
    image: ResolvedImage;
    secrets: Readonly<Record<string, string>>;
    network: string | undefined;
  },
): ContainerCreateOptions {
  const { limits, log, basePath } = spec;
  const { ports, image, secrets, network } = made;
  const [port = 0] = ports;
  const { mounts = [], folders = [] } = spec;
  const volumes = new Map(mounts.map(({ volume, path }) => [volume, path]));
  // The engine keeps all of it, and shows it to whoever may inspect its containers.
  const environment = Object.entries({
    ...volumeVariables(volumes),
    ...spec.environment(port),
    ...secrets,
  });
  return {
    name: containerName(engine, spec.name),
    Image: image.id,
    ...(spec.command
      ? { Cmd: withVolumes(substitute(spec.command, { port, basePath }), volumes) }
      : {}),
    ...(spec.workingDirectory ? { WorkingDir: spec.workingDirectory } : {}),
    Env: environment.map(([key, value]) => `${key}=${value}`),
    Labels: {
      ...spec.labels,
      [labels.installation]: engine.installation,
      [ownLabels.instance]: spec.name,
      [ownLabels.port]: ports.join(' '),
      [ownLabels.imageDigest]: image.digest,
      ...(log.keepsBeginning === true ? { [ownLabels.keepsBeginning]: 'true' } : {}),
    },
    ExposedPorts: Object.fromEntries(ports.map((each) => [`${each}/tcp`, {}])),
    HostConfig: {
      // Zombies are reaped, and SIGTERM reaches commands that would ignore it as process 1.
      Init: true,
      Memory: limits.memoryBytes,
      MemorySwap: limits.memoryBytes,
      NanoCpus: Math.round(limits.cpus * 1e9),
      // The init process itself does not count for the app.
      PidsLimit: limits.pids + 1,
      CapDrop: ['ALL'],
      CapAdd: neededCapabilities,
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      // Unlike a plain bind, a mount whose folder is not there is refused, and nothing is made by the engine.
      Mounts: [...mounts, ...folders.map((one) => ({ ...one, readOnly: false }))].map(
        ({ source, path, readOnly }) => ({
          Type: 'bind',
          Source: engine.pathOnEngine(source),
          Target: path,
          ReadOnly: readOnly,
          BindOptions: { Propagation: 'rprivate' },
        }),
      ),
      RestartPolicy: { Name: 'no' },
      // Unlike json-file it keeps every byte as it was written, and takes less space.
      LogConfig: {
        Type: 'local',
        Config: {
          'max-size': String(log.maxBytes),
          'max-file': String(log.files),
          compress: 'false',
        },
      },
      ...(network ? { NetworkMode: network } : {}),
      PortBindings: portBindings(engine, spec, ports),
    },
  };
}

/** On loopback: a port that is free, or the wished one for the first; none where a network is shared. */
function portBindings(
  engine: Engine,
  { hostPort }: InstanceSpec,
  [first, ...others]: readonly number[],
): Record<string, { HostIp: string; HostPort: string }[]> {
  if (first === undefined) return {};
  const published = (hostPort: string) => [{ HostIp: '127.0.0.1', HostPort: hostPort }];
  const free = engine.network ? [] : published('');
  return Object.fromEntries([
    [`${first}/tcp`, hostPort === undefined ? free : published(String(hostPort))],
    ...others.map((port) => [`${port}/tcp`, free]),
  ]);
}

/** What the engine refuses to start is removed again: nothing half-made stays. */
async function start(engine: Engine, name: string): Promise<void> {
  const container = engine.docker.getContainer(containerName(engine, name));
  try {
    await call(engine, `start ${name}`, (abortSignal) => container.start({ abortSignal }));
  } catch (error) {
    if (statusOf(error) === 304) return;
    if (error instanceof LabError) throw error;
    await callOr(engine, `remove ${name}`, null, (abortSignal) =>
      container.remove({ force: true, v: true, abortSignal }),
    );
    throw refused(`start ${name}`, error);
  }
}

/** Success when it is not frozen. */
export async function unpause(engine: Engine, name: string): Promise<void> {
  const container = engine.docker.getContainer(containerName(engine, name));
  try {
    await callOr(engine, `resume ${name}`, null, (abortSignal) =>
      container.unpause({ abortSignal }),
    );
  } catch (error) {
    if (!/is not paused|is not running/.test(reasonOf(error))) {
      throw refused(`resume ${name}`, error);
    }
  }
}
