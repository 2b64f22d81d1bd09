import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SecretJson } from '../../src/model/secret-api.ts';
import { keyFileSealer } from '../../src/store/key-file/sealer.ts';
import type { SecretKey } from '../../src/store/secret-ports.ts';
import { requirePart } from '../beds/require.ts';
import { openCommandLine, type CommandLineBed } from './bed.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

describe.runIf(requirePart('postgres'))('labkeeper secrets', () => {
  let bed: CommandLineBed;
  beforeAll(async () => {
    bed = await openCommandLine();
  });
  afterAll(() => bed.close());

  const kept = async (name: string, kind: SecretKey['kind'] = 'value') => {
    const key: SecretKey = { space: 'default', kind, name };
    const found = await bed.api.store.secrets.find(key);
    return found && keyFileSealer(bed.api.keyFile).open(found.sealed, key);
  };

  it('set asks for the value and never shows it', async () => {
    bed.secret.value = 'typed-canary';
    const { code, out, error } = await bed.run('secrets', 'set', 'typed');
    expect(code).toBe(0);
    expect(bed.secret.asked.at(-1)).toBe('Value of typed');
    expect(out).toMatch(/secret: +typed\nversion: +1\n/);
    expect(out + error).not.toContain('canary');
    expect(await kept('typed')).toBe('typed-canary');
  });

  it('takes no value as an argument, and sets no empty one', async () => {
    bed.secret.value = '';
    expect((await bed.run('secrets', 'set', 'bare')).code).toBe(2);
    expect((await bed.run('secrets', 'set', 'bare', 'value')).code).toBe(2);
    expect((await bed.run('secrets', 'add', 'bare')).code).toBe(2);
    expect(await kept('bare')).toBeNull();
  });

  it('list shows versions and users, and rm refuses while there are any', async () => {
    bed.secret.value = 'x';
    await bed.run('secrets', 'set', 'listed');
    await bed.api.register('reader', { secrets: { TOKEN: 'listed' } });
    const { out } = await bed.run('secrets', 'list');
    expect(out).toMatch(/NAME +VERSION +SET BY +AT +USED BY\n/);
    expect(out).toMatch(/listed +1 +local user +\d{4}-\d\d-\d\d \d\d:\d\d +app\/reader\n/);
    const json = JSON.parse((await bed.run('secrets', '--json')).out) as { secrets: SecretJson[] };
    expect(json.secrets.find(({ name }) => name === 'listed')?.usedBy).toEqual(['reader']);
    const refused = await bed.run('secrets', 'rm', 'listed');
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.error).toContain('app/reader uses it');
    await bed.api.register('reader');
    expect((await bed.run('secrets', 'rm', 'listed')).out).toBe('removed the secret listed\n');
    expect((await bed.run('secrets', 'rm', 'listed')).code).toBe(3);
  });

  it('registry keeps how to log in to one', async () => {
    bed.secret.value = 'password-canary';
    const words = ['secrets', 'registry', 'set', 'registry.example:5000'];
    expect((await bed.run(...words)).code).toBe(2);
    const { code, out } = await bed.run(...words, '--username', 'lab');
    expect(code).toBe(0);
    expect(out).not.toContain('canary');
    expect(JSON.parse((await kept('registry.example:5000', 'registry')) ?? '')).toEqual({
      username: 'lab',
      password: 'password-canary',
    });
    expect((await bed.run('secrets')).out).toContain('registry registry.example:5000');
    const removed = await bed.run('secrets', 'registry', 'rm', 'registry.example:5000');
    expect(removed.out).toBe('removed the credentials of registry registry.example:5000\n');
  });

  it('rotate-key loses nothing, however often it is repeated', async () => {
    bed.secret.value = 'through-rotations';
    await bed.run('secrets', 'set', 'lasting');
    for (let turn = 0; turn < 3; turn += 1) {
      const { code, out } = await bed.run('secrets', 'rotate-key');
      expect(code).toBe(0);
      expect(out).toMatch(/^\d+ sealed anew under key \w{12} in /);
      expect(await kept('lasting')).toBe('through-rotations');
    }
  });

  /** The program itself; `under` is a program that runs it on a terminal. */
  async function program(args: string[], input: string, under: string[] = []) {
    const line = [process.execPath, '--import', 'tsx', main, ...args, '--server', bed.url];
    const [file = '', ...rest] =
      under.length === 0
        ? line
        : [...under, line.map((word) => `'${word}'`).join(' '), '/dev/null'];
    const child = spawn(file, rest, {
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const ended = once(child, 'exit');
    const out = { text: '' };
    child.stdout.on('data', (piece: Buffer) => {
      out.text += piece.toString();
      // A person types when asked, not before.
      if (out.text.includes('not shown') && child.stdin.writable) child.stdin.end(input);
    });
    if (under.length === 0) child.stdin.end(input);
    const error = text(child.stderr);
    const [code] = (await ended) as [number];
    return { code, out: out.text, error: await error };
  }

  it('takes what is piped in, without its last newline', async () => {
    const { code, out, error } = await program(['secrets', 'set', 'piped'], 'two\nlines-canary\n');
    expect([code, error]).toEqual([0, '']);
    expect(out).not.toContain('canary');
    expect(await kept('piped')).toBe('two\nlines-canary');
  });

  it('echoes nothing that is typed on a terminal', async () => {
    const typed = 'wrong\u0015tyxped\u007f\u007f\u007f\u007fped-canary\r';
    const { code, out } = await program(['secrets', 'set', 'echoed'], typed, ['script', '-qec']);
    expect(code).toBe(0);
    expect(out).toContain('Value of echoed (it is not shown): ');
    expect(out).not.toMatch(/canary|wrong/);
    expect(await kept('echoed')).toBe('typed-canary');
  });
});
