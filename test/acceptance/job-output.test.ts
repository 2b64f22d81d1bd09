import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobSpecInput } from '../../src/model/job-spec.ts';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const node = process.execPath;
const script = (text: string, more: Partial<JobSpecInput> = {}): JobSpecInput => ({
  command: [node, '-e', `const fs = require('node:fs'); process.chdir('{output}'); ${text}`],
  limits: { cpus: 0.2, memoryBytes: 128 * 1024 * 1024 },
  ...more,
});

describe.runIf(requirePart('temporal') && requirePart('postgres'))('what a job leaves', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await startLab({ LABKEEPER_ARTIFACTS_MEASURE_MS: '200' });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
  }, 60_000);

  async function ran(spec: JobSpecInput): Promise<string> {
    const { id } = await lab.client.jobs.submit(spec);
    await lab.client.jobs.wait(id, { timeoutMs: 30_000 });
    return id;
  }
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(`${lab.consoleUrl}${path}`, { method, headers });

  it('is listed and downloaded, whole, by range, and all at once', async () => {
    const id = await ran(
      script(
        `fs.mkdirSync('plots/für alle', { recursive: true });
         fs.writeFileSync('hourly.csv', 'hour,load\\n0,1\\n');
         fs.writeFileSync('plots/für alle/a&b #1?.txt', 'odd');
         fs.symlinkSync('/etc/passwd', 'stolen');
         fs.writeFileSync('result.json', '{}');`,
      ),
    );
    const { items, next } = await lab.client.jobs.artifacts(id);
    expect(next).toBe(null);
    expect(items.map(({ path, sizeBytes }) => [path, sizeBytes])).toEqual([
      ['hourly.csv', 14],
      ['plots/für alle/a&b #1?.txt', 3],
    ]);
    const [csv, odd] = items.map(({ href }) => href) as [string, string];
    expect(await (await get(odd)).text()).toBe('odd');
    const whole = await get(csv);
    expect(await whole.text()).toBe('hour,load\n0,1\n');
    expect(whole.headers.get('content-type')).toMatch(/^text\/csv/);
    const part = await get(csv, { range: 'bytes=5-8' });
    expect([part.status, await part.text()]).toEqual([206, 'load']);
    const known = await get(csv, { 'if-none-match': whole.headers.get('etag') ?? '' });
    expect(known.status).toBe(304);
    const head = await get(csv, {}, 'HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '14']);
    const outside = await get(csv, { range: 'bytes=14-' });
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */14']);
    for (const path of ['stolen', '..%2fconfig.json', 'none', 'plots']) {
      expect((await get(`/api/v1/jobs/${id}/artifacts/${path}`)).status).toBe(404);
    }
    const parts: Uint8Array[] = [];
    for await (const piece of lab.client.jobs.archive(id)) parts.push(piece);
    const tar = spawnSync('tar', ['-xzO', 'output/hourly.csv'], { input: Buffer.concat(parts) });
    expect(tar.stdout.toString()).toBe('hour,load\n0,1\n');
  });

  it('is never run by a browser as if it were a page of the console', async () => {
    const id = await ran(script(`fs.writeFileSync('page.html', '<script>alert(1)</script>')`));
    const { headers } = await get(`/api/v1/jobs/${id}/artifacts/page.html`);
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="page.html"/);
    expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'");
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('may be told in lines, which come to figures and series as progress.json does', async () => {
    const { id } = await lab.client.jobs.submit(
      script(
        `let step = 0;
         const timer = setInterval(() => {
           step += 1;
           console.log('::labkeeper step=' + step + ' step_total=10000 loss=' + 1 / step + ' phase=warm');
           if (!fs.existsSync('go')) return;
           clearInterval(timer);
           fs.writeSync(1, '::labkeeper step=10000 loss=0.5\\n');
         }, 100);`,
      ),
    );
    await eventually(
      async () => {
        const { figures } = await lab.client.jobs.show(id);
        expect(figures).toMatchObject({ steps: 10_000, leftMs: expect.any(Number) });
        const { series } = await lab.client.jobs.metrics(id);
        expect(series.map(({ name }) => name)).toEqual(['loss']);
        expect(series[0]?.points.length).toBeGreaterThan(1);
      },
      { deadlineMs: 30_000 },
    );
    writeFileSync(`${lab.folder}/hosts/local/jobs/${id}/output/go`, '');
    const job = await lab.client.jobs.wait(id, { timeoutMs: 30_000 });
    expect(job.progress).toEqual({ step: 10_000, step_total: 10_000, loss: 0.5, phase: 'warm' });
    expect(job.figures).toMatchObject({ percent: 100, step: 10_000, leftMs: null });
    const { series } = await lab.client.jobs.metrics(id, { name: 'loss' });
    expect(series[0]?.points.at(-1)).toMatchObject({ step: 10_000, value: 0.5 });
    expect((await lab.client.jobs.metrics(id, { name: 'other' })).series).toEqual([]);
  });

  it('is nothing before it has run', async () => {
    const { id } = await lab.client.jobs.submit(script('0', { limits: { cpus: 200 } }));
    expect(await lab.client.jobs.artifacts(id)).toEqual({ items: [], next: null, complete: true });
    expect((await get(`/api/v1/jobs/${id}/archive`)).status).toBe(409);
    expect((await get(`/api/v1/jobs/${id}/artifacts/x`)).status).toBe(404);
    await lab.client.jobs.cancel(id);
  });

  it('may not be more than it may: the job is stopped and says so', async () => {
    const id = await ran(
      script(
        `const more = () => fs.appendFileSync('big', Buffer.alloc(200_000));
         setInterval(more, 50);`,
        { maxArtifactBytes: 1_000_000, stopGraceMs: 500 },
      ),
    );
    const job = await lab.client.jobs.show(id);
    expect(job).toMatchObject({ state: 'failed', cause: 'artifacts_too_large' });
    expect(job.detail).toMatch(/its artifacts hold .* and it may leave 977 KiB/);
    expect((await lab.client.jobs.artifacts(id)).items).toHaveLength(1);
  });
});
