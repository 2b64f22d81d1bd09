import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Log } from '../log.ts';
import { jobIdPattern } from '../model/job-ids.ts';
import { dnsLabelPattern } from '../model/names.ts';
import type { Containers } from '../runtime/containers.ts';
import type { JobFolders } from '../runtime/job-folders.ts';
import type { VolumeFolders } from '../runtime/volumes.ts';
import type { ArchiveSender } from './archive-sender.ts';
import { sendArtifact, sendArtifactList } from './send-artifact.ts';

interface AgentServerOptions {
  runtimes: Containers[];
  volumes: VolumeFolders;
  jobFolders: JobFolders;
  archives: ArchiveSender;
  /** Shared by gateway, API and agents; every read needs it. */
  internalToken: string;
  /** Prometheus text of this process. */
  metrics: () => string;
  /** Null when ready, else what is missing. */
  notReady: () => string | null;
  log: Log;
}

const maxChunkBytes = 1024 * 1024;

/** Serves reads of this host: logs and usage of instances, volumes, what jobs left, health and metrics of the process. */
export function createAgentServer(options: AgentServerOptions): Server {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.log.warn({ err: error, path: request.url }, 'read failed');
      if (response.headersSent) response.destroy();
      else send(response, 503, error instanceof Error ? error.message : 'the read failed');
    });
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  return server;
}

async function answer(
  options: AgentServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://agent');
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'only GET');
  if (url.pathname === '/health/live') return send(response, 200, 'live');
  if (url.pathname === '/health/ready') {
    const missing = options.notReady();
    return send(response, missing === null ? 200 : 503, missing ?? 'ready');
  }
  if (url.pathname === '/metrics') return send(response, 200, options.metrics());
  if (!isAllowed(request, options.internalToken)) {
    return send(response, 401, 'the internal token is missing or wrong');
  }
  const [, volume] = /^\/volumes\/([^/]+)\/archive$/.exec(url.pathname) ?? [];
  if (volume !== undefined && dnsLabelPattern.test(volume)) {
    const format = url.searchParams.get('format') === 'tar.gz' ? 'tar.gz' : 'tar';
    const open = (gone: AbortSignal) => options.volumes.archive(volume, gone);
    return options.archives.send({ what: `volume ${volume}`, open }, format, response);
  }
  const [, job, part] = /^\/jobs\/([^/]+)\/(artifacts|artifact|archive)$/.exec(url.pathname) ?? [];
  if (job !== undefined && jobIdPattern.test(job)) {
    return sendOfJob(options, { job, part, query: url.searchParams }, request, response);
  }
  const [, instance, what] = /^\/instances\/([^/]+)\/(log|usage)$/.exec(url.pathname) ?? [];
  if (instance === undefined || !isInstanceName(instance))
    return send(response, 404, 'no such read');
  if (what === 'usage') return sendUsage(options.runtimes, instance, response);
  return sendLog(options.runtimes, instance, url.searchParams, response);
}

async function sendOfJob(
  { jobFolders, archives }: AgentServerOptions,
  asked: { job: string; part: string | undefined; query: URLSearchParams },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { job, part, query } = asked;
  if (part === 'artifacts') return sendArtifactList(jobFolders, job, query, response);
  if (part === 'artifact') {
    return sendArtifact(jobFolders, job, query.get('path') ?? '', request, response);
  }
  const open = (gone: AbortSignal) => jobFolders.archiveOutput(job, gone);
  return archives.send({ what: `job/${job}`, open }, 'tar.gz', response);
}

/** The first runtime that knows the instance answers; an archived log is known to its runtime. */
async function sendLog(
  runtimes: Containers[],
  instance: string,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const range = {
    ...numberOf(query, 'fromByte'),
    ...numberOf(query, 'tailBytes'),
    maxBytes: Math.min(numberOf(query, 'maxBytes').maxBytes ?? maxChunkBytes, maxChunkBytes),
  };
  let best = await runtimes[0]?.readLog(instance, range);
  for (const runtime of runtimes.slice(1)) {
    if (best && (best.bytes.length > 0 || best.nextByte > 0)) break;
    best = await runtime.readLog(instance, range);
  }
  if (!best) return send(response, 404, 'this host runs nothing');
  response.writeHead(200, {
    'content-type': 'application/octet-stream',
    'x-from-byte': String(best.fromByte),
    'x-next-byte': String(best.nextByte),
    'x-complete': String(best.complete),
  });
  response.end(best.bytes);
}

async function sendUsage(
  runtimes: Containers[],
  instance: string,
  response: ServerResponse,
): Promise<void> {
  for (const runtime of runtimes) {
    const usage = await runtime.usage(instance);
    if (usage === null) continue;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(usage));
    return;
  }
  send(response, 404, `${instance} does not run here`);
}

function isAllowed(request: IncomingMessage, token: string): boolean {
  const given = request.headers.authorization ?? '';
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(`Bearer ${token}`));
}

/** `app-<name>-<generation>` with a name that may itself be 63 characters long, or `job-<number>-<attempt>`. */
function isInstanceName(name: string): boolean {
  if (/^job-\d{1,18}-\d{1,9}$/.test(name)) return true;
  return (
    /^app-[a-z0-9-]{1,63}-\d{1,12}$/.test(name) &&
    dnsLabelPattern.test(name.slice(4).replace(/-\d+$/, ''))
  );
}

function numberOf<K extends string>(query: URLSearchParams, key: K): { [P in K]?: number } {
  const text = query.get(key);
  if (text === null || !/^\d{1,15}$/.test(text)) return {};
  return { [key]: Number(text) } as { [P in K]?: number };
}

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${text}\n`);
}
