import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Authority, Certificate } from './certificates.ts';

/** A Temporal frontend as hosted ones are: TLS on both sides, and an API key with each call. */
export interface TemporalFront {
  address: string;
  /** Calls that were let through, by the last part of their path. */
  passed: Set<string>;
  /** Why calls were refused; empty when all were well. */
  refused: Set<string>;
  close(): Promise<void>;
}

/**
 * Ends TLS before the plain server at `temporalAddress` and passes calls on that come with a
 * certificate of `clients` and the key. Calls named in `forbidden` are denied.
 */
export async function startTemporalFront(options: {
  temporalAddress: string;
  own: Certificate;
  clients: Authority;
  apiKey: string;
  forbidden?: readonly string[];
}): Promise<TemporalFront> {
  const { own, clients, apiKey, forbidden = [] } = options;
  const passed = new Set<string>();
  const refused = new Set<string>();
  const sessions = new Set<http2.Http2Session>();
  const behind = http2.connect(`http://${options.temporalAddress}`);
  behind.on('error', () => undefined);
  const server = http2.createSecureServer({
    ...{ cert: await readFile(own.certFile), key: await readFile(own.keyFile) },
    ...{ ca: await readFile(clients.certFile), requestCert: true, rejectUnauthorized: true },
  });
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    const call = String(headers[':path']).split('/').at(-1) ?? '';
    stream.on('error', () => undefined);
    const deny = (status: number, why: string) => {
      refused.add(`${call}: ${why}`);
      const answer = { ':status': 200, 'content-type': 'application/grpc' };
      stream.respond(
        { ...answer, 'grpc-status': status, 'grpc-message': why },
        { endStream: true },
      );
    };
    if (headers.authorization !== `Bearer ${apiKey}`) return deny(16, 'no valid API key');
    if (forbidden.includes(call)) return deny(7, 'not for this login');
    passed.add(call);
    const { ':authority': _authority, ...others } = headers;
    passOn(stream, behind.request(others));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `localhost:${(server.address() as AddressInfo).port}`,
    ...{ passed, refused },
    async close() {
      for (const session of sessions) session.destroy();
      behind.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function passOn(stream: http2.ServerHttp2Stream, request: http2.ClientHttp2Stream): void {
  let trailers: http2.OutgoingHttpHeaders = {};
  request.on('error', () => stream.destroy());
  stream.on('close', () => request.close());
  request.on('response', (headers, flags) => {
    const isWhole = (flags & http2.constants.NGHTTP2_FLAG_END_STREAM) !== 0;
    stream.respond(headers, isWhole ? { endStream: true } : { waitForTrailers: true });
  });
  request.on('trailers', (headers) => (trailers = headers));
  stream.on('wantTrailers', () => stream.sendTrailers(trailers));
  stream.pipe(request);
  request.pipe(stream);
}
