import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { labkeeperClient, ProblemError, UnreachableError } from '../../src/client/index.ts';
import { eventually } from '../beds/eventually.ts';
import { exampleAccepted, exampleApp, exampleEvent } from '../../src/api/examples.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe('the typed client', () => {
  it('sends keys and reasons, and encodes names', async () => {
    const asked: { method?: string; url?: string; key?: unknown; body: string }[] = [];
    const client = await clientOf(async (request, response) => {
      const { method = '', url = '', headers } = request;
      asked.push({ method, url, key: headers['idempotency-key'], body: await textOf(request) });
      json(response, 202, exampleAccepted);
    });
    await client.apps.start('plot', { why: 'demo', idempotencyKey: 'k1' });
    await client.apps.stop('a/b?c');
    await client.apps.remove('plot', { why: 'over & out' });
    expect(asked).toEqual([
      { method: 'POST', url: '/api/v1/apps/plot/start', key: 'k1', body: '{"why":"demo"}' },
      { method: 'POST', url: '/api/v1/apps/a%2Fb%3Fc/stop', key: undefined, body: '{}' },
      { method: 'DELETE', url: '/api/v1/apps/plot?why=over+%26+out', key: undefined, body: '' },
    ]);
  });

  it('gives an archive as it comes, fails when it is cut short, and ends it when nobody wants more', async () => {
    const ended: string[] = [];
    const client = await clientOf((request, response) => {
      const url = request.url ?? '';
      response.writeHead(200, { 'content-type': 'application/x-tar' });
      response.once('close', () => ended.push(url));
      response.write(Buffer.alloc(10_000, 1));
      if (url.includes('/whole/')) response.end(Buffer.alloc(5_000, 2));
      else if (url.includes('/cut/')) response.once('drain', () => undefined).destroy();
    });
    const sizeOf = async (name: string) => {
      let bytes = 0;
      for await (const piece of client.volumes.archive(name, { format: 'tar.gz' })) {
        bytes += piece.length;
      }
      return bytes;
    };
    expect(await sizeOf('whole')).toBe(15_000);
    await expect(sizeOf('cut')).rejects.toThrow(/terminated|fetch failed|cannot reach/);
    for await (const piece of client.volumes.archive('endless')) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    await eventually(async () => {
      expect(ended).toContain('/api/v1/volumes/endless/archive');
    });
    expect(ended).toContain('/api/v1/volumes/whole/archive?format=tar.gz');
  });

  it('throws refusals with their type, status and fields', async () => {
    const errors = [{ path: 'port', message: 'Too small' }];
    const client = await clientOf((_request, response) => {
      response.setHeader('retry-after', '5');
      json(response, 400, {
        type: 'urn:labkeeper:problem:invalid',
        title: 'The request has mistakes',
        status: 400,
        detail: 'the body has a mistake: port: Too small',
        instance: '/api/v1/apps/plot',
        requestId: 'r1',
        errors,
      });
    });
    const refused = await client.apps.show('plot').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ProblemError);
    expect(refused).toMatchObject({
      type: 'invalid',
      status: 400,
      errors,
      requestId: 'r1',
      retryAfterMs: 5000,
      message: 'the body has a mistake: port: Too small',
    });
  });

  it('understands a refusal by something else on the way', async () => {
    const client = await clientOf((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
    });
    await expect(client.apps.show('plot')).rejects.toMatchObject({
      name: 'ProblemError',
      status: 502,
      type: 'unknown',
    });
  });

  it('says where it could not reach anybody', async () => {
    const client = labkeeperClient({ baseUrl: 'http://127.0.0.1:1/' });
    const failed = await client.apps.list().catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(UnreachableError);
    expect(String(failed)).toContain('cannot reach labkeeper at http://127.0.0.1:1:');
  });

  it('gives up on an answer that does not come', async () => {
    const baseUrl = await serve(() => undefined);
    const client = labkeeperClient({ baseUrl, timeoutMs: 50 });
    await expect(client.apps.list()).rejects.toThrow('no answer within 50 ms');
  });

  it('shows what is wrong with an answer of another version', async () => {
    const client = await clientOf((_request, response) => json(response, 200, { name: 'plot' }));
    await expect(client.apps.show('plot')).rejects.toThrow('different versions');
  });

  it('reads all pages of a list', async () => {
    const client = await clientOf((request, response) => {
      const after = new URL(request.url ?? '', 'http://api').searchParams.get('after');
      const items = [{ ...exampleApp, name: after === null ? 'a' : 'b' }];
      json(response, 200, { items, next: after === null ? 'a' : null });
    });
    const names = [];
    for await (const { name } of client.apps.all()) names.push(name);
    expect(names).toEqual(['a', 'b']);
  });

  it('follows events through a lost connection, behind the last one it saw', async () => {
    const resumed: (string | null)[] = [];
    const client = await clientOf((request, response) => {
      resumed.push(new URL(request.url ?? '', 'http://api').searchParams.get('after'));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const id = String(resumed.length);
      const data = JSON.stringify({ ...exampleEvent, id });
      // In two pieces, cut in the middle of a line, and then lost.
      response.write(`: hello\n\nid: ${id}\nevent: event\nda`);
      response.write(`ta: ${data}\n\n`, () => response.destroy());
    });
    const ids: string[] = [];
    for await (const message of client.events.follow({ after: '0' })) {
      if (message.type === 'event') ids.push(message.event.id);
      if (ids.length === 3) break;
    }
    expect(ids).toEqual(['1', '2', '3']);
    expect(resumed).toEqual(['0', '1', '2']);
  });

  it('does not come back to a stream that refuses it', async () => {
    let calls = 0;
    const client = await clientOf((_request, response) => {
      calls += 1;
      response.writeHead(404).end();
    });
    const stream = client.apps.follow('nobody');
    await expect(stream.next()).rejects.toMatchObject({ status: 404 });
    expect(calls).toBe(1);
  });

  it('ends a stream quietly when its reader leaves', async () => {
    const leaving = new AbortController();
    const client = await clientOf((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': hello\n\n');
      leaving.abort();
    });
    const stream = client.events.follow({ signal: leaving.signal });
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('follows a log without cutting characters in two', async () => {
    const bytes = Buffer.from('grüße\n');
    const client = await clientOf((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/plain' });
      response.write(bytes.subarray(0, 3), () => response.end(bytes.subarray(3)));
    });
    let text = '';
    for await (const piece of client.apps.followLog('plot')) text += piece;
    expect(text).toBe('grüße\n');
  });

  it('waits for an operation until it is over', async () => {
    let looks = 0;
    const client = await clientOf((_request, response) => {
      looks += 1;
      const over = { state: 'succeeded', detail: 'ready', finishedAt: exampleAccepted.createdAt };
      json(response, 200, { ...exampleAccepted, ...(looks < 3 ? {} : over) });
    });
    const operation = await client.operations.wait(exampleAccepted.id);
    expect([operation.state, looks]).toEqual(['succeeded', 3]);
  });
});

type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;

async function clientOf(handler: Handler) {
  return labkeeperClient({ baseUrl: await serve(handler) });
}

async function serve(handler: Handler): Promise<string> {
  const server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  const problem = status >= 400 ? 'problem+json' : 'json';
  response.writeHead(status, { 'content-type': `application/${problem}` });
  response.end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}
