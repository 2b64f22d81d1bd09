import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { JobFolders, OpenArtifact } from '../runtime/job-folders.ts';

/** A reader that takes nothing for so long is gone. */
const stallMs = 60_000;
const mostItems = 1_000;

/** A page of what a job left, as JSON; paging by `after` and `limit`. */
export async function sendArtifactList(
  folders: JobFolders,
  id: string,
  query: URLSearchParams,
  response: ServerResponse,
): Promise<void> {
  const limit = Math.min(Math.max(1, Number(query.get('limit') ?? mostItems) || 1), mostItems);
  const page = await folders.listArtifacts(id, { after: query.get('after'), limit });
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(page));
}

/**
 * One file with its length, time and a validator: whole, one range of it (206, 416), or 304 for whom it is
 * known to. 404 when there is none.
 */
export async function sendArtifact(
  folders: JobFolders,
  id: string,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const file = await folders.openArtifact(id, path);
  if (file === null) {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' });
    response.end(`job/${id} left no file ${path}\n`);
    return;
  }
  try {
    await sendFile(file, request, response);
  } finally {
    await file.close();
  }
}

async function sendFile(
  file: OpenArtifact,
  { headers: asked, method }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const bytes = file.sizeBytes;
  const etag = `"${file.version}"`;
  const modified = new Date(file.modifiedAtMs).toUTCString();
  const common = { etag, 'last-modified': modified, 'accept-ranges': 'bytes' };
  if (isKnown(asked['if-none-match'], etag)) {
    response.writeHead(304, common);
    response.end();
    return;
  }
  const isSame = asked['if-range'] === undefined || asked['if-range'] === etag;
  const range = isSame ? rangeOf(asked.range, bytes) : null;
  if (range === 'outside') {
    response.writeHead(416, { ...common, 'content-range': `bytes */${bytes}` });
    response.end();
    return;
  }
  const { from, to } = range ?? { from: 0, to: bytes };
  response.writeHead(range === null ? 200 : 206, {
    ...common,
    'content-type': 'application/octet-stream',
    'content-length': to - from,
    ...(range === null ? {} : { 'content-range': `bytes ${from}-${to - 1}/${bytes}` }),
  });
  if (method === 'HEAD' || to === from) {
    response.end();
    return;
  }
  response.setTimeout(stallMs, () => response.destroy());
  let left = to - from;
  const counted = async function* () {
    for await (const piece of file.read(from, to)) {
      left -= piece.length;
      yield piece;
    }
    // What became shorter meanwhile must not look whole.
    if (left > 0) throw new Error(`a file became ${left} bytes shorter while it was read`);
  };
  await pipeline(Readable.from(counted(), { objectMode: false }), response);
}

function isKnown(given: string | undefined, etag: string): boolean {
  if (given === undefined) return false;
  const tags = given.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes('*') || tags.includes(etag);
}

/** RFC 9110: a header that cannot be read, or names several ranges, is passed over. Ends are exclusive. */
export function rangeOf(
  header: string | undefined,
  bytes: number,
): { from: number; to: number } | 'outside' | null {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || (first === '' && last === '')) return null;
  if (first === '') {
    const count = Math.min(Number(last), bytes);
    return count === 0 ? 'outside' : { from: bytes - count, to: bytes };
  }
  const from = Number(first);
  if (last !== '' && Number(last) < from) return null;
  if (from >= bytes) return 'outside';
  return { from, to: last === '' ? bytes : Math.min(Number(last) + 1, bytes) };
}
