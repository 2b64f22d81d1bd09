import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const program = fileURLToPath(new URL('../../examples/community/community.py', import.meta.url));

interface Figures {
  self_sufficiency: number;
  grid_import_kwh: number;
  grid_export_kwh: number;
  peak_import_kw: number;
  cost_eur: number;
}

interface Result {
  community: { load_kwh: number; pv_kwh: number };
  kpis: Figures;
  without_batteries: Figures;
}

describe.runIf(requirePart('python'))('the example of an energy community', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'labkeeper-community-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs it by itself; its result, and the sums of the columns of its table. */
  function simulate(name: string, config: object) {
    const output = join(folder, name);
    const file = join(folder, `${name}.json`);
    writeFileSync(file, JSON.stringify(config));
    const words = [program, '--config', file, '--output', output];
    const ran = spawnSync('python3', words, { encoding: 'utf8' });
    if (ran.status !== 0) return { refusal: ran.stderr };
    const result = JSON.parse(readFileSync(join(output, 'result.json'), 'utf8')) as Result;
    const rows = readFileSync(join(output, 'hourly.csv'), 'utf8').trim().split(/\r?\n/).slice(1);
    const sum = (column: number) =>
      rows.reduce((total, row) => total + Number(row.split(',')[column]), 0);
    return { result, hours: rows.length, sum };
  }

  it('books every kilowatt-hour that its table has, and gains by its batteries', () => {
    const { result, hours, sum } = simulate('balance', { seed: 7, households: 12, days: 120 });
    if (result === undefined) throw new Error('it was refused');
    expect(hours).toBe(120 * 24);
    expect(sum(1)).toBeCloseTo(result.community.load_kwh, 0);
    expect(sum(2)).toBeCloseTo(result.community.pv_kwh, 0);
    expect(sum(3)).toBeCloseTo(result.kpis.grid_import_kwh, 0);
    const { community, kpis, without_batteries: plain } = result;
    // Without batteries nothing is kept: what comes in goes out.
    const bare = plain.grid_import_kwh - plain.grid_export_kwh;
    expect(bare).toBeCloseTo(community.load_kwh - community.pv_kwh, 0);
    // Batteries lose some, and make none.
    expect(kpis.grid_import_kwh - kpis.grid_export_kwh).toBeGreaterThan(bare);
    expect(kpis.self_sufficiency).toBeGreaterThan(plain.self_sufficiency + 0.05);
    expect(kpis.cost_eur).toBeLessThan(plain.cost_eur);
    expect(kpis.peak_import_kw).toBeLessThan(plain.peak_import_kw);
  });

  it('gives the same for the same seed, and another community for another one', () => {
    const of = (name: string, seed: number) =>
      simulate(name, { seed, households: 3, days: 10 }).result;
    const first = of('first', 1);
    expect(first).toBeDefined();
    expect(of('again', 1)).toEqual(first);
    expect(of('other', 2)?.kpis).not.toEqual(first?.kpis);
  });

  it('has nothing to gain where nobody has a battery', () => {
    const { result } = simulate('bare', { households: 5, days: 20, batteryShare: 0 });
    expect(result?.kpis).toEqual(result?.without_batteries);
  });

  it('names what is wrong with its configuration', () => {
    expect(simulate('wrong', { houses: 3 }).refusal).toMatch(/unknown fields: houses/);
    expect(simulate('none', { days: 0 }).refusal).toMatch(/days must be a whole number/);
  });

  describe.runIf(requirePart('temporal') && requirePart('postgres'))('as a job', () => {
    let lab: Lab;
    beforeAll(async () => {
      lab = await startLab();
    }, 120_000);
    afterAll(async () => {
      await lab?.close();
    }, 60_000);

    it('is submitted, tells its progress, and leaves its figures', async () => {
      const config = { seed: 3, households: 8, days: 30 };
      const { id } = await lab.client.jobs.submit({
        title: 'energy community',
        command: ['python3', program],
        config,
        limits: { cpus: 0.5, memoryBytes: 256 * 1024 * 1024 },
      });
      const job = await lab.client.jobs.wait(id, { timeoutMs: 60_000 });
      expect(job, job.explanation).toMatchObject({
        state: 'succeeded',
        result: { value: simulate('by-hand', config).result },
        progress: { step: 30 * 96, step_total: 30 * 96, progress_pct: 100, status: 'completed' },
      });
      expect((await lab.client.jobs.log(id)).text).toMatch(/^8 households, 30 days, seed 3\n/);
    });
  });
});
