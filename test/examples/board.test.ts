import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { eventually } from '../beds/eventually.ts';

const program = fileURLToPath(new URL('../../examples/board/server.mjs', import.meta.url));

interface Person {
  socket: WebSocket;
  heard: Record<string, unknown>[];
}

describe('the example board', () => {
  let board: ChildProcess;
  let port: number;

  beforeEach(async () => {
    board = spawn(process.execPath, [program], {
      env: { PATH: process.env['PATH'] ?? '', PORT: '0' },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    board.stdout?.on('data', (text: Buffer) => (said += text.toString()));
    port = await eventually(() => {
      const found = /listens on http:\/\/127\.0\.0\.1:(\d+)\//.exec(said);
      if (found === null) throw new Error(`it said: ${said}`);
      return Number(found[1]);
    });
  });
  afterEach(async () => {
    if (board.exitCode !== null) return;
    board.kill('SIGKILL');
    await once(board, 'exit');
  });

  const enter = async (): Promise<Person> => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/socket`);
    const heard: Person['heard'] = [];
    socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as {}));
    await once(socket, 'open');
    await eventually(() => expect(heard[0]).toMatchObject({ type: 'board' }));
    return { socket, heard };
  };
  const leave = async ({ socket }: Person): Promise<number> => {
    const [code] = (await once(socket, 'close')) as [number];
    return code;
  };
  const stroke = (points: number[][], color = 1) =>
    JSON.stringify({ type: 'stroke', color, points });

  it('shows everybody what one draws, and those who come later', async () => {
    const [first, second] = [await enter(), await enter()];
    first.socket.send(
      stroke([
        [1, 2],
        [3, 4],
      ]),
    );
    await eventually(() =>
      expect(second.heard).toContainEqual({
        type: 'stroke',
        color: 1,
        points: [
          [1, 2],
          [3, 4],
        ],
      }),
    );
    const third = await enter();
    expect(third.heard[0]).toMatchObject({ people: 3, strokes: [{ color: 1 }] });
    third.socket.send('{"type":"clear"}');
    await eventually(() => expect(first.heard).toContainEqual({ type: 'clear' }));
    expect((await enter()).heard[0]).toMatchObject({ strokes: [] });
  });

  it('counts those who are here', async () => {
    const [first, second] = [await enter(), await enter()];
    await eventually(() => expect(first.heard.at(-1)).toEqual({ type: 'people', people: 2 }));
    second.socket.terminate();
    await eventually(() => expect(first.heard.at(-1)).toEqual({ type: 'people', people: 1 }));
  });

  it('takes fragmented messages and answers pings in between', async () => {
    const [first, second] = [await enter(), await enter()];
    const text = stroke([[5, 5]]);
    const pong = once(first.socket, 'pong');
    first.socket.send(text.slice(0, 9), { fin: false });
    first.socket.ping('hi');
    first.socket.send(text.slice(9), { fin: true });
    expect(String((await pong)[0])).toBe('hi');
    await eventually(() => expect(second.heard.at(-1)).toMatchObject({ points: [[5, 5]] }));
  });

  it.each([
    ['no stroke', 'hello', 1008],
    ['a point outside', stroke([[1601, 0]]), 1008],
    ['an unknown colour', stroke([[1, 1]], 6), 1008],
    ['too many points', stroke(Array.from({ length: 65 }, () => [1, 1])), 1008],
    ['a long message', 'x'.repeat(16 * 1024 + 1), 1009],
    ['bytes', Buffer.from([1, 2, 3]), 1003],
  ])('ends with who sends %s', async (_what, message, code) => {
    const person = await enter();
    const left = leave(person);
    person.socket.send(message);
    expect(await left).toBe(code);
  });

  it('bounds a message that comes in many fragments', async () => {
    const person = await enter();
    const left = leave(person);
    for (let count = 0; count < 5; count += 1) {
      person.socket.send('x'.repeat(4_000), { fin: false });
    }
    expect(await left).toBe(1009);
  });

  it('ends with who sends unmasked frames', async () => {
    const socket = connect(port, '127.0.0.1');
    socket.write(
      'GET /socket HTTP/1.1\r\nHost: board\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
    await eventually(() => expect(received.toString('latin1')).toContain('"people":1'));
    expect(received.toString('latin1')).toContain('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    socket.write(Buffer.from([0x81, 0x02, 0x68, 0x69]));
    await once(socket, 'close');
    expect(received.subarray(-4)).toEqual(Buffer.from([0x88, 0x02, 0x03, 0xea]));
  });

  it('refuses an upgrade that is no WebSocket', async () => {
    const asked = request({
      port,
      path: '/socket',
      headers: { connection: 'Upgrade', upgrade: 'x' },
    });
    asked.end();
    const [answer] = (await once(asked, 'response')) as [{ statusCode: number }];
    expect(answer.statusCode).toBe(400);
  });

  it('serves its page with relative addresses only, so that it works below any path', async () => {
    const page = await fetch(`http://127.0.0.1:${port}/`);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const html = await page.text();
    const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address);
    expect(addresses).toEqual(['data:,', 'board.css', 'board.js']);
    expect((await fetch(`http://127.0.0.1:${port}/../server.mjs`)).status).toBe(404);
    expect((await fetch(`http://127.0.0.1:${port}/`, { method: 'POST' })).status).toBe(405);
  });

  it('says goodbye on SIGTERM and ends by itself', async () => {
    const person = await enter();
    const left = leave(person);
    const exited = once(board, 'exit');
    board.kill('SIGTERM');
    expect(await left).toBe(1001);
    expect(await exited).toEqual([0, null]);
  });
});
