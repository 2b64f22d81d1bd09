import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addKey, makeKeyFile, readKeyFile } from '../../src/store/key-file/key-file.ts';
import { keyFileSealer } from '../../src/store/key-file/sealer.ts';
import type { SecretKey } from '../../src/store/secret-ports.ts';

let folder: string;
let file: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'labkeeper-keys-'));
  file = join(folder, 'encryption-key');
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const key: SecretKey = { space: 'default', kind: 'value', name: 'hf-token' };
const unavailable = { name: 'LabError', type: 'secret_unavailable' };

describe('the key file', () => {
  it('is made once, for its owner alone, and never replaced', async () => {
    await makeKeyFile(file);
    const made = await readFile(file, 'utf8');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await makeKeyFile(file);
    expect(await readFile(file, 'utf8')).toBe(made);
    expect(await readdir(folder)).toEqual(['encryption-key']);
  });

  it('takes what `openssl rand -base64 32` writes, and notes', async () => {
    const line = Buffer.alloc(32, 7).toString('base64');
    await writeFile(file, `# since spring\n\n${line}\n`, { mode: 0o600 });
    expect((await readKeyFile(file)).map(({ bytes }) => bytes)).toEqual([Buffer.alloc(32, 7)]);
  });

  it.each([0o640, 0o604, 0o666])('of mode %o is refused, with the remedy', async (mode) => {
    await makeKeyFile(file);
    await chmod(file, mode);
    await expect(readKeyFile(file)).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringContaining(`chmod 600 ${file}`) as string,
    });
  });

  it.each([
    ['', 'it holds no key'],
    ['too-short', 'key 1 in it is not 32 bytes'],
    ['A'.repeat(44), 'key 1 in it is not 32 bytes'],
    [`${Buffer.alloc(32).toString('base64')}\nnonsense`, 'key 2 in it is not 32 bytes'],
    ['x\n'.repeat(3000), 'larger than 4096 bytes'],
  ])('that holds %j is refused, and is not quoted', async (text, why) => {
    await writeFile(file, text, { mode: 0o600 });
    const refusal = await readKeyFile(file).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({
      ...unavailable,
      message: expect.stringContaining(why) as string,
    });
    expect(String(refusal)).not.toMatch(/too-short|nonsense/);
  });

  it('that is not there is told by its path', async () => {
    await expect(readKeyFile(file)).rejects.toThrow(file);
  });

  it('gets a new key in front when it is rotated, and keeps the last one', async () => {
    await makeKeyFile(file);
    const [first] = await readKeyFile(file);
    const second = await addKey(file);
    expect((await readKeyFile(file)).map(({ id }) => id)).toEqual([second, first?.id]);
    const third = await addKey(file);
    expect((await readKeyFile(file)).map(({ id }) => id)).toEqual([third, second]);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});

describe('what is sealed', () => {
  it('can be opened again, and shows nothing of itself', async () => {
    await makeKeyFile(file);
    const sealer = keyFileSealer(file);
    const text = 'grün \u{1f511} with\nlines';
    const sealed = await sealer.seal(text, key);
    expect(await sealer.open(sealed, key)).toBe(text);
    expect(Buffer.from(sealed.bytes).includes('with')).toBe(false);
    const again = await sealer.seal(text, key);
    expect(Buffer.from(again.bytes).equals(Buffer.from(sealed.bytes))).toBe(false);
  });

  it('cannot be opened under another name, kind or space, nor when a bit was changed', async () => {
    await makeKeyFile(file);
    const sealer = keyFileSealer(file);
    const sealed = await sealer.seal('value', key);
    for (const other of [
      { ...key, name: 'hf-token2' },
      { ...key, kind: 'registry' as const },
      { ...key, space: 'ml101' },
    ]) {
      await expect(sealer.open(sealed, other)).rejects.toMatchObject(unavailable);
    }
    for (const at of [0, 13, sealed.bytes.length - 1]) {
      const bytes = Buffer.from(sealed.bytes);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      await expect(sealer.open({ ...sealed, bytes }, key)).rejects.toMatchObject(unavailable);
    }
    const short = { ...sealed, bytes: sealed.bytes.subarray(0, 20) };
    await expect(sealer.open(short, key)).rejects.toMatchObject(unavailable);
  });

  it('can be opened after a rotation, not after two', async () => {
    await makeKeyFile(file);
    const sealer = keyFileSealer(file);
    const sealed = await sealer.seal('value', key);
    await addKey(file);
    expect(await sealer.open(sealed, key)).toBe('value');
    expect((await sealer.seal('value', key)).keyId).not.toBe(sealed.keyId);
    await addKey(file);
    await expect(sealer.open(sealed, key)).rejects.toMatchObject({
      ...unavailable,
      message: expect.stringMatching(/was sealed under the key \w{12}, which is not in/) as string,
    });
  });
});
