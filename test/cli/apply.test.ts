import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppPlanJson, ProblemJson } from '../../src/model/api.ts';
import { requirePart } from '../beds/require.ts';
import { openCommandLine, type CommandLineBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('labkeeper apply', () => {
  let bed: CommandLineBed;
  let folder: string;
  const write = async (name: string, ...lines: string[]) => {
    const file = join(folder, name);
    await writeFile(file, `apps:\n${lines.map((line) => `  - ${line}\n`).join('')}`);
    return file;
  };
  const titleOf = async (name: string) => (await bed.api.store.apps.find(name))?.spec.title;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-cli-'));
    bed = await openCommandLine();
  });
  afterAll(async () => {
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('--diff says field by field what would change and why that restarts, and changes nothing', async () => {
    await bed.api.register('same', { title: 'Same' });
    await bed.api.register('used', { title: 'Used', environment: { OLD: '1' } });
    const life = await bed.api.store.apps.beginLife('used');
    await bed.api.store.apps.advance(
      'used',
      { life: life?.mark.life ?? 0, revision: 1 },
      { condition: { wanted: 'awake', phase: 'ready', generation: 1, host: 'local' } },
    );
    const file = await write(
      'diff.yaml',
      '{ name: fresh, command: [serve] }',
      "{ name: same, title: Same, command: [serve, '{port}'] }",
      "{ name: used, command: [serve, '{port}', -v], environment: { NEW: '2' }, limits: { cpus: 2 } }",
    );
    const before = bed.api.delivered.length;
    const { code, out } = await bed.run('apply', file, '--diff');
    expect(code).toBe(5);
    expect(out).toContain('app/fresh  would be created\n');
    expect(out).toContain('app/same  no change\n');
    expect(out).toContain('app/used  would restart\n');
    expect(out).toMatch(/This restarts used, because .*command.*environment.*limits/);
    expect(out).toContain('  ~ command: ["serve","{port}"] → ["serve","{port}","-v"]\n');
    expect(out).toContain('  + environment.NEW: "2"\n');
    expect(out).toContain('  - environment.OLD: "1"\n');
    expect(out).toContain('  ~ limits.cpus: 1 → 2\n');
    expect(out).toContain('  - title: "Used"\n');
    const json = await bed.run('apply', file, '--diff', '--json');
    expect((JSON.parse(json.out) as AppPlanJson[]).map(({ effect }) => effect)).toEqual([
      'created',
      'nothing',
      'restart',
    ]);
    expect(bed.api.delivered).toHaveLength(before);
    expect(await bed.api.store.apps.find('fresh')).toBeNull();
    expect((await bed.api.store.apps.find('used'))?.specRevision).toBe(1);
  });

  it('--diff ends with 0 when nothing would change', async () => {
    const file = await write('calm.yaml', '{ name: calm, command: [serve] }');
    expect((await bed.run('apply', file)).code).toBe(0);
    expect(await bed.run('apply', file, '--diff')).toMatchObject({
      code: 0,
      out: 'app/calm  no change\n',
    });
  });

  it('changes nothing when one app of the file is refused, and names each that is', async () => {
    const file = await write(
      'refused.yaml',
      '{ name: fine, command: [serve] }',
      '{ name: lost, command: [serve], space: nowhere }',
      '{ name: away, command: [serve], space: nowhere-else }',
    );
    for (const more of [[], ['--diff']]) {
      const { code, error } = await bed.run('apply', file, ...more);
      expect(code).toBe(1);
      expect(error).toMatch(/nothing was changed: .*app\/lost: there is no space named nowhere/);
      expect(error).toContain('app/away: there is no space named nowhere-else');
    }
    const { error } = await bed.run('apply', file, '--json');
    expect((JSON.parse(error) as ProblemJson).errors?.map(({ path }) => path).toSorted()).toEqual([
      'away',
      'lost',
    ]);
    expect(await bed.api.store.apps.find('fine')).toBeNull();
  });

  it('tells five mistakes as JSON with line, document and field', async () => {
    const file = await write('five.yaml', '{ name: A, port: 0, colour: green, preset: x }');
    const { code, out, error } = await bed.run('apply', file, '--json');
    expect([code, out]).toEqual([2, '']);
    const { errors = [] } = JSON.parse(error) as ProblemJson;
    expect(errors.map(({ path }) => path).toSorted()).toEqual(
      ['name', 'image', 'port', 'colour', 'preset'].map((field) => `apps[0].${field}`).toSorted(),
    );
    for (const mistake of errors) expect(mistake).toMatchObject({ line: 2, document: null });
  });

  it('leaves one of two files whole when both are applied at once, and tells the other', async () => {
    const names = ['both-a', 'both-b', 'both-c', 'both-d'];
    const first = names.map((name) => `{ name: ${name}, title: First, command: [serve] }`);
    const second = names
      .toReversed()
      .map((name) => `{ name: ${name}, title: Second, command: [serve] }`);
    const files = [await write('first.yaml', ...first), await write('second.yaml', ...second)];
    let losers = 0;
    for (let round = 1; round <= 8; round += 1) {
      // Each round begins from a third state, so that both files change something.
      const start = await write(
        'start.yaml',
        ...names.map((name) => `{ name: ${name}, title: Round ${round}, command: [serve] }`),
      );
      expect((await bed.run('apply', start)).code).toBe(0);
      const ended = await Promise.all(files.map((file) => bed.run('apply', file)));
      const titles = new Set(await Promise.all(names.map(titleOf)));
      expect(titles.size).toBe(1);
      const loser = ended.find(({ code }) => code !== 0);
      if (loser === undefined) continue;
      losers += 1;
      expect(loser.code).toBe(1);
      expect(loser.error).toMatch(
        /nothing was changed: .*Somebody else changed it meanwhile: .*--diff/,
      );
      const winner = ended.findIndex(({ code }) => code === 0);
      expect([...titles]).toEqual([['First', 'Second'][winner]]);
    }
    expect(losers).toBeGreaterThan(0);
  });
});
