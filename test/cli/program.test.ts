import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { internalToken } from '../api/bed.ts';
import { requirePart } from '../beds/require.ts';
import { deadAddress, openCommandLine, type CommandLineBed } from './bed.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** The program itself, in a process of its own. */
async function labkeeper(args: string[], environment: Record<string, string> = {}) {
  const options = { env: { PATH: process.env['PATH'] ?? '', ...environment } };
  return promisify(execFile)(process.execPath, ['--import', 'tsx', main, ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, error: stderr }),
    (failure: { code: number; stdout: string; stderr: string }) => ({
      code: failure.code,
      out: failure.stdout,
      error: failure.stderr,
    }),
  );
}

describe.runIf(requirePart('postgres'))('the program labkeeper', () => {
  let bed: CommandLineBed;
  let folder: string;
  const write = async (name: string, text: string) => {
    const file = join(folder, name);
    await writeFile(file, text);
    return file;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-cli-'));
    bed = await openCommandLine();
  });
  afterAll(async () => {
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('names five mistakes of a file at once', async () => {
    const file = await write(
      'five.yaml',
      `apps:
  - name: Plot
    command: []
  - name: report
    image: registry.example/team/report
    idle: { idleAfterMs: soon }
    colour: green
`,
    );
    const { code, error } = await labkeeper(['apply', file, '--check']);
    expect(code).toBe(2);
    for (const path of [
      '[0].name',
      '[0].command',
      '[1].port',
      '[1].idle.idleAfterMs',
      '[1].colour',
    ]) {
      expect(error).toContain(`apps${path}: `);
    }
  });

  it('finds its server by the settings', async () => {
    const listed = await labkeeper(['list', '--json'], { LABKEEPER_CONSOLE_URL: bed.url });
    expect(listed.code).toBe(0);
    expect(JSON.parse(listed.out)).toEqual([]);
    const wrong = await labkeeper(['list'], { LABKEEPER_COLOR: 'green', LABKEEPER_API_PORT: 'x' });
    expect(wrong.code).toBe(2);
    expect(wrong.error).toContain('LABKEEPER_COLOR: is no setting');
    expect(wrong.error).toContain('LABKEEPER_API_PORT');
  });

  it('finds the server that labkeeper up left a note of', async () => {
    await mkdir(join(folder, 'data', 'run'), { recursive: true });
    await write('data/run/addresses.json', JSON.stringify({ consoleUrl: bed.url }));
    const environment = { LABKEEPER_DATA: join(folder, 'data') };
    expect((await labkeeper(['list'], environment)).code).toBe(0);
  });

  it('speaks as the operator of its machine where people log in, whatever its own settings say', async () => {
    await mkdir(join(folder, 'locked', 'run'), { recursive: true });
    await mkdir(join(folder, 'locked', 'secrets'), { recursive: true });
    const locked = await openCommandLine({ settings: { authentication: 'required' } });
    const note = { consoleUrl: locked.url, apiUrl: locked.url, authentication: 'required' };
    await write('locked/run/addresses.json', JSON.stringify(note));
    const environment = { LABKEEPER_DATA: join(folder, 'locked') };
    const stranger = await labkeeper(['list'], environment);
    expect(stranger.error).toContain('log in');
    // What is wrong with all apps of a file is said once.
    const two = await write(
      'two.yaml',
      'apps: [{ name: a, command: [a] }, { name: b, command: [b] }]',
    );
    const refused = await labkeeper(['apply', two], environment);
    expect(refused.error.match(/log in, or/g)).toHaveLength(1);
    await write('locked/secrets/internal-token', `${internalToken}\n`);
    expect((await labkeeper(['list'], environment)).code).toBe(0);
    await locked.close();
  });

  it('says how to start labkeeper where none answers', async () => {
    const { code, error } = await labkeeper(['list', '--server', await deadAddress()]);
    expect(code).toBe(4);
    expect(error).toMatch(/^labkeeper: cannot reach labkeeper at http.*`npm start`/);
  });

  it('leaves up and doctor to the supervisor', async () => {
    expect((await labkeeper(['up', '--help'])).out).toMatch(/^labkeeper up /);
    expect((await labkeeper(['doctor', '--help'])).out).toMatch(/^labkeeper doctor/);
  });

  it('tells what the verbs of the machine cannot do as problem+json too', async () => {
    const nowhere = { LABKEEPER_DATA: join(folder, 'nowhere'), LABKEEPER_API_URL: bed.url };
    for (const [args, code, type] of [
      [['backup', '--json'], 2, 'usage'],
      [['restore', join(folder, 'absent.tar'), '--json'], 1, 'failed'],
      [['login-link', 'ada', '--json'], 1, 'failed'],
    ] as const) {
      const ended = await labkeeper([...args], nowhere);
      expect([args, ended.code, ended.out]).toEqual([args, code, '']);
      expect(JSON.parse(ended.error)).toMatchObject({ type: `urn:labkeeper:problem:${type}` });
    }
  });

  it('prints its version', async () => {
    expect((await labkeeper(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
