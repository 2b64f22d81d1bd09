import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serverSentEvents } from '../../src/client/server-sent-events.ts';
import type { JobSpecInput } from '../../src/model/job-spec.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const MiB = 1024 * 1024;
const node = process.execPath;
const script = (text: string, more: Partial<JobSpecInput> = {}): JobSpecInput => ({
  command: [node, '-e', `const fs = require('node:fs'); process.chdir('{output}'); ${text}`],
  limits: { cpus: 0.2, memoryBytes: 256 * MiB },
  ...more,
});
/** Prints `count` lines `line 0000001` of 16 bytes. */
const lines = (count: number) =>
  `let text = ''; for (let at = 0; at < ${count}; at += 1) {
     text += 'line ' + String(at).padStart(10, '0') + '\\n';
     if (text.length > 1e6) { fs.writeSync(1, text); text = ''; }
   } fs.writeSync(1, text);`;

describe.runIf(requirePart('temporal') && requirePart('postgres'))('the log of a job', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  async function ran(spec: JobSpecInput, timeoutMs = 30_000): Promise<string> {
    const { id } = await lab.client.jobs.submit(spec);
    await lab.client.jobs.wait(id, { timeoutMs });
    return id;
  }
  const get = (id: string, query = '', headers: Record<string, string> = {}) =>
    fetch(`${lab.consoleUrl}/api/v1/jobs/${id}/logs${query}`, { headers });
  async function downloaded(id: string, options = {}): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of lab.client.jobs.downloadLog(id, options)) parts.push(part);
    return Buffer.concat(parts);
  }
  it('of 200 MB is downloaded whole, in little memory, also by a slow reader', async () => {
    const count = 200;
    const block = (at: number) => `${at}:`.padEnd(999_999, 'x') + '\n';
    const print = `for (let at = 0; at < ${count}; at += 1)
      fs.writeSync(1, (at + ':').padEnd(999_999, 'x') + '\\n');`;
    const id = await ran(script(print), 120_000);
    expect(await lab.client.jobs.show(id)).toMatchObject({ state: 'succeeded' });
    const memory = () =>
      Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${lab.api.pid}/status`, 'utf8'))?.[1]) *
      1024;
    const before = memory();
    let most = 0;
    let bytes = 0;
    const hash = createHash('sha256');
    for await (const part of lab.client.jobs.downloadLog(id)) {
      hash.update(part);
      bytes += part.length;
      if (bytes % (8 * MiB) < part.length) {
        await new Promise((done) => setTimeout(done, 5));
        most = Math.max(most, memory());
      }
    }
    const wanted = createHash('sha256');
    for (let at = 0; at < count; at += 1) wanted.update(block(at));
    expect(bytes).toBe(count * 1_000_000);
    expect(hash.digest('hex')).toBe(wanted.digest('hex'));
    expect(most - before).toBeLessThan(100 * MiB);
  }, 180_000);

  it('that is larger than it may be keeps beginning and end, and says what was left out', async () => {
    const id = await ran(script(lines(50_000), { maxLogBytes: 200_000 }));
    const text = (await downloaded(id)).toString();
    expect(text).toMatch(/^line 0000000000\nline 0000000001\n/);
    expect(text).toMatch(/line 0000049999\n$/);
    expect(text).toMatch(/\n\[… 5\d\d KiB left out …\]\n/);
    expect(text.length).toBeLessThan(201_000);
    let followed = '';
    for await (const part of lab.client.jobs.followLog(id, { fromByte: 0 })) followed += part;
    expect(followed).toBe(text);
  });

  it('carries any bytes', async () => {
    const id = await ran(
      script('process.stdout.write(Buffer.from(Array.from({ length: 256 }, (_, at) => at)))'),
    );
    expect([...(await downloaded(id))]).toEqual(Array.from({ length: 256 }, (_, at) => at));
  });

  it('is read by range, to its end and not beyond', async () => {
    const id = await ran(script("process.stdout.write('0123456789')"));
    const read = async (range: string) => {
      const answer = await get(id, '', { range });
      return [answer.status, await answer.text(), answer.headers.get('content-range')];
    };
    expect(await read('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/*']);
    expect(await read('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10']);
    expect((await read('bytes=10-'))[0]).toBe(416);
    expect((await read('bytes=x'))[0]).toBe(200);
  });

  it('is followed as events, and gone on with after the last id, through a retry', async () => {
    const { id } = await lab.client.jobs.submit(
      script(
        `if (!fs.existsSync('second')) { fs.writeFileSync('second', ''); console.log('one'); process.exit(1); }
         console.log('two'); console.log('thrée');`,
        { retries: { max: 1, delayMs: 0 } },
      ),
    );
    await lab.client.jobs.wait(id, { timeoutMs: 30_000 });
    const follow = async (query: string, lastId?: string) => {
      const answer = await get(id, query, {
        accept: 'text/event-stream',
        ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
      });
      expect(answer.headers.get('content-type')).toMatch(/^text\/event-stream/);
      const seen: [string, unknown][] = [];
      for await (const one of serverSentEvents(answer.body as ReadableStream<Uint8Array>)) {
        const data = JSON.parse(one.data) as { text?: string };
        seen.push([one.event, one.event === 'log' ? [one.id, data.text] : data]);
      }
      return seen;
    };
    expect(await follow('', '1:2')).toEqual([
      ['attempt', { attempt: 1 }],
      ['log', ['1:4', 'e\n']],
      ['attempt', { attempt: 2 }],
      ['log', ['2:11', 'two\nthrée\n']],
      ['end', { attempt: 2 }],
    ]);
    expect(await follow('?attempt=1&fromByte=0')).toEqual([
      ['attempt', { attempt: 1 }],
      ['log', ['1:4', 'one\n']],
      ['end', { attempt: 1 }],
    ]);
    let text = '';
    for await (const part of lab.client.jobs.followLog(id)) text += part;
    expect(text).toBe('two\nthrée\n');
  });

  it('that the program writes itself is followed, and read after its end', async () => {
    const { id } = await lab.client.jobs.submit(
      script(
        `fs.mkdirSync('logs'); fs.writeFileSync('logs/run.log', 'first\\n');
         const timer = setInterval(() => {
           if (!fs.existsSync('go')) return;
           clearInterval(timer); fs.appendFileSync('logs/run.log', 'last\\n');
         }, 20);`,
        { logFile: 'logs/run.log' },
      ),
    );
    const options = { source: 'file' } as const;
    await eventually(
      async () => expect((await lab.client.jobs.log(id, options)).text).toBe('first\n'),
      { deadlineMs: 30_000 },
    );
    let followed = '';
    for await (const part of lab.client.jobs.followLog(id, options)) {
      followed += part;
      if (followed === 'first\n')
        writeFileSync(`${lab.folder}/hosts/local/jobs/${id}/output/go`, '');
    }
    expect(followed).toBe('first\nlast\n');
    expect((await downloaded(id, options)).toString()).toBe('first\nlast\n');
    await expect(
      lab.client.jobs.submit(script('0', { logFile: '../config.json' })),
    ).rejects.toMatchObject({ status: 400 });
  });
});
