import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verbs } from '../../src/cli/verbs.ts';
import { requirePart } from '../beds/require.ts';
import { openCommandLine, type CommandLineBed } from './bed.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

describe.runIf(requirePart('postgres'))('completion of command lines', () => {
  let bed: CommandLineBed;
  let folder: string;
  beforeAll(async () => {
    bed = await openCommandLine();
    await bed.api.register('board');
    await bed.api.register('boat', { title: 'A title: with a colon' });
    await bed.api.store.spaces.put('ml101', { title: 'Machine learning' }, { actor: 'test' });
    await bed.api.store.people.put('ada@uni.example', {}, { actor: 'test' });
    expect((await bed.run('submit', '--id', 'night-1', '--', 'run')).code).toBe(0);
    await bed.api.store.volumes.put({
      ...{ name: 'board-data', title: null, maxBytes: null, actor: 'test' },
    });
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-completion-'));
    await writeFile(
      join(folder, 'labkeeper'),
      `#!/bin/sh\nexec '${process.execPath}' --import tsx '${main}' "$@"\n`,
    );
    await chmod(join(folder, 'labkeeper'), 0o755);
  });
  afterAll(async () => {
    await bed.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** What is offered for a line; its last word may be empty. */
  const offered = async (line: string, ...more: string[]) => {
    const { code, out, error } = await bed.run(
      ...['completion', 'candidates', ...more, '--', ...line.split(' ')],
    );
    expect([code, error]).toEqual([0, '']);
    return out.split('\n').flatMap((one) => (one === '' ? [] : [one.split('\t')[0] ?? '']));
  };

  it.each([
    ['li', ['list']],
    ['do', ['doctor']],
    ['--se', ['--server']],
    ['list ', ['apps', 'hosts', 'jobs', 'volumes']],
    ['cancel ', ['job/night-1']],
    ['stop job/n', ['job/night-1']],
    ['submit --im', ['--image']],
    ['submit --config ', [':files']],
    ['submit -- bo', []],
    ['show bo', ['board', 'boat']],
    ['show app/boat', ['app/boat']],
    ['show volume/', ['volume/board-data']],
    ['stop board bo', ['board', 'boat']],
    ['logs board ', []],
    ['logs --fo', ['--follow']],
    ['--server http://127.0.0.1:1 lo', ['logs', 'login', 'logout', 'login-link']],
    ['apply ', [':files']],
    ['get -o ', [':files']],
    ['get ', ['volume/board-data']],
    ['tokens ', ['list', 'create', 'revoke']],
    ['tokens create --f', ['--for']],
    ['tokens list --f', []],
    ['people role ada', ['ada@uni.example']],
    ['people role ada@uni.example ml', ['ml101']],
    ['people role ada@uni.example ml101 in', ['instructor']],
    ['secrets list --space ml', ['ml101']],
    ['explain app.idle.m', ['app.idle.maxAgeMs']],
    ['explain bo', ['board', 'boat']],
    ['nonsense ', []],
  ])('offers for %j what may follow', async (line, expected) => {
    expect((await offered(line)).toSorted()).toEqual(expected.toSorted());
  });

  it('offers every verb', async () => {
    const all = await offered('');
    for (const { name } of verbs) expect(all).toContain(name);
  });

  it('offers no names, and says nothing, when the server is slow or away', async () => {
    // Takes connections and never answers.
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const answer = await labkeeper(['completion', 'candidates', '--', 'show', 'bo'], {
      LABKEEPER_COMPLETION_MS: '100',
      LABKEEPER_CONSOLE_URL: `http://127.0.0.1:${port}`,
    });
    expect(answer).toEqual({ code: 0, out: '', error: '' });
    silent.close();
    const away = { LABKEEPER_CONSOLE_URL: `http://127.0.0.1:${port}` };
    const words = ['completion', 'candidates', '--', 'show', 'bo'];
    expect(await labkeeper(words, away)).toEqual({ code: 0, out: '', error: '' });
  });

  it('has a script for three shells and names them', async () => {
    const { code, error } = await bed.run('completion', 'tcsh');
    expect([code, error]).toEqual([2, expect.stringContaining('bash|zsh|fish')]);
  });

  it.runIf(requirePart('bash'))(
    'bash completes verbs, options, names and names with @',
    async () => {
      const typed = await inTerminal('bash --norc --noprofile -i', [
        'source <(labkeeper completion bash)',
        'labkeeper expl\tboar\t',
        'labkeeper explain board --js\t',
        'labkeeper people show ada\t',
      ]);
      expect(typed).toContain('board was registered at');
      expect(typed).toContain('"explanation": "board was registered at');
      expect(typed).toMatch(/ada@uni\.example +enabled/);
    },
  );

  it.runIf(requirePart('zsh'))('zsh completes verbs, options and names', async () => {
    const typed = await inTerminal('zsh -f -i', [
      'autoload -Uz compinit && compinit -u -D',
      'source <(labkeeper completion zsh)',
      'labkeeper expl\tboar\t',
      'labkeeper explain board --js\t',
    ]);
    expect(typed).toContain('board was registered at');
    expect(typed).toContain('"explanation": "board was registered at');
  });

  it.runIf(requirePart('fish'))('fish completes verbs, options and names', async () => {
    const ask = (line: string) => `complete -C '${line}'`;
    const { out } = await run('fish', [
      '--no-config',
      '-c',
      `labkeeper completion fish | source; ${['labkeeper expl', 'labkeeper show boa', 'labkeeper logs --fo'].map(ask).join('; ')}`,
    ]);
    expect(out).toMatch(/^explain\tSay why/m);
    expect(out).toMatch(/^board\tboard was registered at/m);
    expect(out).toMatch(/^boat\t/m);
    expect(out).toMatch(/^--follow\t/m);
  });

  function environment(more: Record<string, string> = {}): Record<string, string> {
    const PATH = `${folder}:${process.env['PATH'] ?? ''}`;
    const ours = { LABKEEPER_CONSOLE_URL: bed.url, LABKEEPER_COMPLETION_MS: '20000' };
    return { PATH, HOME: folder, TERM: 'dumb', LC_ALL: 'C.UTF-8', ...ours, ...more };
  }

  async function run(program: string, args: string[], more: Record<string, string> = {}) {
    const child = spawn(program, args, {
      env: environment(more),
      stdio: ['pipe', 'pipe', 'pipe'],
      // One that goes on waiting for the server is ended, and has no exit code.
      timeout: 25_000,
    });
    child.stdin.end();
    const [out, error, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number]>,
    ]);
    return { code, out, error };
  }

  const labkeeper = (args: string[], more: Record<string, string>) =>
    run(join(folder, 'labkeeper'), args, more);

  /** Types lines into a shell on a terminal, where Tab completes, and gives what the terminal shows. */
  async function inTerminal(shell: string, lines: readonly string[]): Promise<string> {
    const child = spawn('script', ['-qec', shell, '/dev/null'], {
      env: environment(),
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    child.stdin.end(lines.map((line) => `${line}\n`).join('') + 'exit\n');
    return text(child.stdout);
  }
});
