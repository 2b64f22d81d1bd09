import type { ImageInspectInfo } from 'dockerode';
import { LabError } from '../../model/failures.ts';
import { registryOf } from '../../model/registry.ts';
import type { EnsureOptions, RegistryCredentials } from '../containers.ts';
import { askJson, call, callOr, reasonOf, statusOf, type Engine } from './engine.ts';

export interface ResolvedImage {
  /** What the container is made from: a moving tag cannot change it any more. */
  id: string;
  /** Digest in its registry; the id for an image that never came from one. */
  digest: string;
  /** TCP ports that it EXPOSEs. */
  exposedPorts: readonly number[];
  /** Known by this name on this engine only, since it was made or named here. */
  isOwn: boolean;
}

export const noCredentials = async (): Promise<null> => null;

const pullLimitMs = 30 * 60_000;
const progressEveryMs = 500;

interface PullOptions extends EnsureOptions {
  credentials: () => Promise<RegistryCredentials | null>;
}

/**
 * The image as the engine has it, pulled first when it has none. Throws `image_not_found`, or
 * `registry_refused` when the registry wants credentials, or other ones.
 */
export async function resolveImage(
  engine: Engine,
  image: string,
  options: PullOptions,
): Promise<ResolvedImage> {
  const present = await inspectImage(engine, image);
  if (present !== null) return present;
  const beganMs = performance.now();
  const refusal = await pull(engine, image, options);
  if (refusal !== null) throw refusedPull(image, refusal);
  options.onPulled?.(performance.now() - beganMs);
  return pulledImage(engine, image);
}

/**
 * The image as its registry has it now: pulled when it differs. One that was made on this engine is
 * taken as it is, and so is a copy of which the registry says that there is no such thing. Throws as
 * `resolveImage` does, also when the registry cannot be asked: a copy may be an old one.
 */
export async function refreshImage(
  engine: Engine,
  image: string,
  options: PullOptions,
): Promise<ResolvedImage> {
  const present = await inspectImage(engine, image);
  if (present?.isOwn || (present !== null && image.includes('@'))) return present;
  const refusal = await pull(engine, image, options);
  if (refusal === null) return pulledImage(engine, image);
  if (present !== null && saysAbsent.test(refusal.why)) return present;
  throw refusedPull(image, refusal);
}

async function pulledImage(engine: Engine, image: string): Promise<ResolvedImage> {
  const pulled = await inspectImage(engine, image);
  if (pulled !== null) return pulled;
  throw notFound(image, 'it was pulled, and removed again at once');
}

async function inspectImage(engine: Engine, image: string): Promise<ResolvedImage | null> {
  const found = await callOr(engine, `look for image ${image}`, null, (abortSignal) =>
    askJson<ImageInspectInfo>(engine, `/images/${image}/json`, {}, abortSignal),
  );
  if (found === null) return null;
  const digests = found.RepoDigests ?? [];
  const there = digests.find((digest) => repositoryOf(digest) === repositoryOf(image));
  const known = there ?? digests[0];
  return {
    // Pushed or pulled under another name, it is still only here under this one.
    isOwn: there === undefined,
    id: found.Id,
    digest: known?.slice(known.indexOf('@') + 1) ?? found.Id,
    exposedPorts: Object.keys(found.Config.ExposedPorts ?? {}).flatMap((port) =>
      port.endsWith('/udp') || port.endsWith('/sctp') ? [] : Number.parseInt(port, 10),
    ),
  };
}

/** The name without tag, digest and what an engine leaves out. */
export const repositoryOf = (image: string): string =>
  image
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '')
    .replace(/^(?:docker\.io\/)?(?:library\/)?/, '');

interface Refusal {
  why: string;
  hadCredentials: boolean;
}

/** Gives why the image will not come, or null when it is here. */
async function pull(engine: Engine, image: string, options: PullOptions): Promise<Refusal | null> {
  const attempt = `pull image ${image}`;
  const credentials = await options.credentials();
  const authentication =
    credentials === null ? {} : { authconfig: authconfigOf(image, credentials) };
  options.onProgress?.(`pulling image ${image}`);
  const hadCredentials = credentials !== null;
  try {
    const why = await call(
      engine,
      attempt,
      async (abortSignal) => {
        const stream: NodeJS.ReadableStream = await engine.docker.pull(image, {
          ...authentication,
          abortSignal,
        });
        return follow(stream, image, options.onProgress);
      },
      { signal: options.signal, timeoutMs: pullLimitMs },
    );
    return why === null ? null : { why, hadCredentials };
  } catch (error) {
    if (error instanceof LabError || statusOf(error) === undefined) throw error;
    return { why: reasonOf(error), hadCredentials };
  }
}

/** It goes to the engine in a header of its own, which the engine does not log. */
function authconfigOf(image: string, { username, password }: RegistryCredentials) {
  const host = registryOf(image);
  // The one registry whose old address the engine insists on.
  const serveraddress = host === 'docker.io' ? 'https://index.docker.io/v1/' : host;
  return { username, password, serveraddress };
}

interface PullLine {
  id?: string;
  status?: string;
  error?: string;
  progressDetail?: { current?: number; total?: number };
}

/** Tells how much of all layers is here; gives why the rest will not come, or null. */
async function follow(
  stream: NodeJS.ReadableStream,
  image: string,
  onProgress: ((text: string) => void) | undefined,
): Promise<string | null> {
  const layers = new Map<string, { current: number; total: number }>();
  let toldAtMs = 0;
  for await (const line of jsonLines<PullLine>(stream)) {
    if (line.error !== undefined) return line.error;
    const { current, total } = line.progressDetail ?? {};
    if (line.id === undefined || current === undefined || total === undefined) continue;
    if (line.status !== 'Downloading') continue;
    layers.set(line.id, { current, total });
    if (performance.now() - toldAtMs < progressEveryMs) continue;
    toldAtMs = performance.now();
    onProgress?.(`pulling image ${image}: ${megabytes(layers)}`);
  }
  return null;
}

function megabytes(layers: ReadonlyMap<string, { current: number; total: number }>): string {
  const sum = (key: 'current' | 'total') =>
    [...layers.values()].reduce((bytes, layer) => bytes + layer[key], 0) / 1_000_000;
  return `${sum('current').toFixed(0)} of ${sum('total').toFixed(0)} MB`;
}

/** The engine speaks one JSON object a line. */
export async function* jsonLines<Line>(stream: NodeJS.ReadableStream): AsyncGenerator<Line> {
  let rest = '';
  const decoder = new TextDecoder();
  for await (const piece of stream) {
    rest += typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield JSON.parse(line) as Line;
  }
  if (rest.trim() !== '') yield JSON.parse(rest) as Line;
}

/** Words of registries and engines for: who you are is not enough. */
const wantsOthers =
  /unauthorized|authentication required|no basic auth credentials|incorrect username or password|access (?:to the resource is )?denied|may require 'docker login'|forbidden/i;

/** Words of registries and engines for: there is no such image, whoever asks. */
const saysAbsent = /manifest unknown|name unknown|not found|does not exist/i;

function refusedPull(image: string, { why, hadCredentials }: Refusal): LabError {
  if (!wantsOthers.test(why)) return notFound(image, why);
  const host = registryOf(image);
  const reason = hadCredentials
    ? `the registry ${host} refuses the user name and password that are set for it (${why}). Set the right ones`
    : `the registry ${host} asks who wants it (${why}), and no credentials for it are set in the space of the app. Set them`;
  return new LabError(
    'registry_refused',
    `cannot get image ${image}: ${reason} with \`labkeeper secrets registry set ${host}\`, or check the name of the image`,
    { details: { image, registry: host } },
  );
}

function notFound(image: string, why: string): LabError {
  return new LabError(
    'image_not_found',
    `cannot get image ${image}: ${why}. Check its name and tag, and that this host reaches the registry`,
    { details: { image } },
  );
}
