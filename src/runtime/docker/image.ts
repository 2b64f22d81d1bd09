import type { ImageInspectInfo } from 'dockerode';
import { LabError } from '../../model/failures.ts';
import type { EnsureOptions } from '../containers.ts';
import { askJson, call, callOr, reasonOf, statusOf, type Engine } from './engine.ts';

export interface ResolvedImage {
  /** What the container is made from: a moving tag cannot change it any more. */
  id: string;
  /** Digest in its registry; the id for an image that never came from one. */
  digest: string;
  /** TCP ports that it EXPOSEs. */
  exposedPorts: readonly number[];
}

const pullLimitMs = 30 * 60_000;
const progressEveryMs = 500;

/** The image as the engine has it, pulled first when it has none. Throws `image_not_found`. */
export async function resolveImage(
  engine: Engine,
  image: string,
  options: EnsureOptions,
): Promise<ResolvedImage> {
  const present = await inspectImage(engine, image);
  if (present !== null) return present;
  const beganMs = performance.now();
  await pull(engine, image, options);
  options.onPulled?.(performance.now() - beganMs);
  const pulled = await inspectImage(engine, image);
  if (pulled !== null) return pulled;
  throw notFound(image, 'it was pulled, and removed again at once');
}

async function inspectImage(engine: Engine, image: string): Promise<ResolvedImage | null> {
  const found = await callOr(engine, `look for image ${image}`, null, (abortSignal) =>
    askJson<ImageInspectInfo>(engine, `/images/${image}/json`, {}, abortSignal),
  );
  if (found === null) return null;
  const repository = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  const digests = found.RepoDigests ?? [];
  const own = digests.find((digest) => digest.startsWith(`${repository}@`)) ?? digests[0];
  return {
    id: found.Id,
    digest: own?.slice(own.indexOf('@') + 1) ?? found.Id,
    exposedPorts: Object.keys(found.Config.ExposedPorts ?? {}).flatMap((port) =>
      port.endsWith('/udp') || port.endsWith('/sctp') ? [] : Number.parseInt(port, 10),
    ),
  };
}

/** Without credentials: registries that ask for some are refused with their own reason. */
async function pull(engine: Engine, image: string, options: EnsureOptions): Promise<void> {
  const attempt = `pull image ${image}`;
  options.onProgress?.(`pulling image ${image}`);
  try {
    await call(
      engine,
      attempt,
      async (abortSignal) => {
        const stream: NodeJS.ReadableStream = await engine.docker.pull(image, { abortSignal });
        await follow(stream, image, options.onProgress);
      },
      { signal: options.signal, timeoutMs: pullLimitMs },
    );
  } catch (error) {
    if (error instanceof LabError) throw error;
    if (statusOf(error) === undefined) throw error;
    throw notFound(image, reasonOf(error), error);
  }
}

interface PullLine {
  id?: string;
  status?: string;
  error?: string;
  progressDetail?: { current?: number; total?: number };
}

/** Tells how much of all layers is here; throws what the registry said. */
async function follow(
  stream: NodeJS.ReadableStream,
  image: string,
  onProgress: ((text: string) => void) | undefined,
): Promise<void> {
  const layers = new Map<string, { current: number; total: number }>();
  let toldAtMs = 0;
  for await (const line of jsonLines<PullLine>(stream)) {
    if (line.error !== undefined) throw notFound(image, line.error);
    const { current, total } = line.progressDetail ?? {};
    if (line.id === undefined || current === undefined || total === undefined) continue;
    if (line.status !== 'Downloading') continue;
    layers.set(line.id, { current, total });
    if (performance.now() - toldAtMs < progressEveryMs) continue;
    toldAtMs = performance.now();
    onProgress?.(`pulling image ${image}: ${megabytes(layers)}`);
  }
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

function notFound(image: string, why: string, cause?: unknown): LabError {
  return new LabError(
    'image_not_found',
    `cannot get image ${image}: ${why}. Check its name and tag, and that this host reaches the registry`,
    { details: { image }, ...(cause === undefined ? {} : { cause }) },
  );
}
