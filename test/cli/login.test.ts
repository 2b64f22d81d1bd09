import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keptToken } from '../../src/cli/credentials.ts';
import { eventually } from '../beds/eventually.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { openCommandLine, type CommandLineBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('labkeeper login', () => {
  let bed: CommandLineBed;
  beforeAll(async () => {
    bed = await openCommandLine({ settings: { authentication: 'required' } });
    await bed.api.store.people.put('ada', {}, { actor: 'test' });
  });
  afterAll(() => bed.close());

  it('keeps a token that only its owner can read, once the code was confirmed in a browser', async () => {
    const running = bed.run('login', '--no-browser');
    const code = await eventually(async () => {
      const [row] = await runSql(bed.api.databaseUrl, 'SELECT user_code FROM device_logins');
      return String(row?.['user_code'] ?? expect.fail('no login waits'));
    });
    await bed.api.store.deviceLogins.confirm(code, 'ada');
    const { code: exit, out, error } = await running;
    expect(error).toContain(`/login/device?code=${code}`);
    expect([exit, out]).toEqual([0, expect.stringContaining('as ada') as string]);
    const environment = { XDG_CONFIG_HOME: bed.configHome };
    const token = await keptToken(bed.url, environment);
    expect(token).toMatch(/^lk_/);
    expect(out + error).not.toContain(token);
    const file = join(bed.configHome, 'labkeeper', 'credentials.json');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await keptToken('http://elsewhere.example', environment)).toBeNull();
    expect((await bed.run('logout')).code).toBe(0);
    await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says how to log in when nobody is', async () => {
    const { code, error } = await bed.run('list');
    expect(code).not.toBe(0);
    expect(error).toContain('labkeeper login');
  });
});
