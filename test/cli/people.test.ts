import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newToken } from '../../src/api/auth/secrets.ts';
import type { MemberJson, NewTokenJson, SpaceJson, TokenJson } from '../../src/model/people-api.ts';
import { requirePart } from '../beds/require.ts';
import { openCommandLine, type CommandLineBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('people, spaces and tokens on the command line', () => {
  let bed: CommandLineBed;
  const root = newToken();
  beforeAll(async () => {
    const token = { token: root.text };
    bed = await openCommandLine({ settings: { authentication: 'required' }, token });
    const by = { actor: 'test' };
    const { id, digest } = root;
    const { people, tokens } = bed.api.store;
    await people.put('root', { operator: true }, by);
    await tokens.add({ id, digest, person: 'root', label: 'bed', lastsMs: 600_000 }, by);
  });
  afterAll(() => bed.close());

  const asked = async <Shape>(...args: string[]) => {
    const { code, out, error } = await bed.run(...args, '--json');
    expect([args, code, error]).toEqual([args, 0, '']);
    return JSON.parse(out) as Shape;
  };

  it('people are added, shown, given roles, disabled and let in again', async () => {
    await bed.run('spaces', 'create', 'ml101', '--title', 'Machine learning');
    const added = await bed.run('people', 'add', 'ada@uni.example', '--title', 'Ada');
    expect(added.out).toMatch(/^ada@uni\.example +enabled\n\ntitle: +Ada\nroles: +user in default/);
    const given = await bed.run('people', 'role', 'ada@uni.example', 'ml101', 'instructor');
    expect(given.out).toBe('ada@uni.example is instructor in ml101\n');
    const listed = await bed.run('people', 'list', '--search', 'ada');
    expect(listed.out).toMatch(
      /ada@uni\.example +enabled +never +user in default, instructor in ml101/,
    );
    expect((await bed.run('people', 'disable', 'ada@uni.example')).out).toContain('disabled');
    expect((await bed.api.store.people.find('ada@uni.example'))?.disabled).toBe(true);
    expect((await bed.run('people', 'enable', 'ada@uni.example')).out).toContain('enabled');
    await bed.run('people', 'role', 'ada@uni.example', 'ml101', 'none');
    expect((await bed.run('people', 'show', 'ada@uni.example')).out).not.toContain('ml101');
    const link = await bed.run('people', 'login-link', 'ada@uni.example');
    expect(link.out).toMatch(/^http\S+\/login\/link\?code=\S+\n$/);
  });

  it('a typing error adds nobody and makes no space', async () => {
    for (const args of [
      ['people', 'disable', 'adda'],
      ['spaces', 'quota', 'ml1001', '--awake', '1'],
      ['people', 'role', 'adda', 'ml101', 'user'],
    ]) {
      expect([args, (await bed.run(...args)).code]).toEqual([args, 3]);
    }
    expect(await bed.api.store.people.find('adda')).toBeNull();
    expect(await bed.api.store.spaces.find('ml1001')).toBeNull();
  });

  it('the last operator stays', async () => {
    const { code, error } = await bed.run('people', 'disable', 'root');
    expect([code, error]).toEqual([1, expect.stringContaining('operator')]);
  });

  it('spaces have members and quotas, and go when nothing is in them', async () => {
    const made = await asked<SpaceJson>('spaces', 'create', 'bio', '--apps', '4', '--awake', '2');
    expect(made).toMatchObject({ name: 'bio', maxApps: 4, maxAwakeApps: 2 });
    const changed = await asked<SpaceJson>('spaces', 'quota', 'bio', '--awake', 'none');
    expect(changed).toMatchObject({ maxApps: 4, maxAwakeApps: null });
    await bed.run('people', 'add', 'eve');
    await bed.run('spaces', 'add', 'bio', 'eve', 'viewer');
    expect(await asked<MemberJson[]>('spaces', 'members', 'bio')).toMatchObject([
      { person: 'eve', role: 'viewer' },
    ]);
    expect((await bed.run('spaces', 'members', 'bio')).out).toMatch(/eve +viewer/);
    await bed.run('spaces', 'remove', 'bio', 'eve');
    expect(await asked<MemberJson[]>('spaces', 'members', 'bio')).toEqual([]);
    expect((await bed.run('spaces')).out).toMatch(/bio +0 of 4 +0 +0/);
    expect((await bed.run('spaces', 'rm', 'bio')).out).toBe('removed the space bio\n');
    expect((await bed.run('spaces', 'rm', 'default')).code).toBe(1);
  });

  it('a token is shown once, lets in, is listed without its secret, and is revoked', async () => {
    await bed.run('people', 'add', 'airflow');
    const made = await bed.run(
      'tokens',
      'create',
      'nightly',
      '--for',
      '12h',
      '--person',
      'airflow',
    );
    expect(made.out).toMatch(/^lk_\S+\n$/);
    const headers = { authorization: `Bearer ${made.out.trim()}` };
    expect((await fetch(`${bed.url}/api/v1/me`, { headers })).status).toBe(200);
    const listed = await bed.run('tokens', 'list', '--person', 'airflow');
    expect(listed.out).toMatch(/active +\S+ +.* +airflow +nightly/);
    expect(listed.out).not.toContain(made.out.trim());
    const [token] = await asked<TokenJson[]>('tokens', 'list', '--person', 'airflow');
    const lasts = Date.parse(token?.expiresAt ?? '') - Date.parse(token?.createdAt ?? '');
    expect(Math.round(lasts / 3_600_000)).toBe(12);
    expect((await bed.run('tokens', 'revoke', token?.id ?? '')).out).toContain('is revoked');
    expect((await fetch(`${bed.url}/api/v1/me`, { headers })).status).toBe(401);
    const own = await asked<NewTokenJson>('tokens', 'create', 'mine');
    expect(own).toMatchObject({ person: 'root', label: 'mine' });
    expect((await bed.run('tokens', 'revoke', '0123456789ab')).code).toBe(3);
  });

  it('says what is wrong with a command line before anything is asked', async () => {
    for (const [args, words] of [
      [['tokens', 'make'], 'tokens cannot make: there are list, create, revoke'],
      [['tokens', 'create'], 'something is missing: labkeeper tokens create LABEL'],
      [['tokens', 'list', 'x'], 'that is too much: labkeeper tokens list'],
      [['tokens', 'list', '--for', '1d'], '--for is not for tokens list'],
      [['tokens', 'create', 'x', '--for', 'soon'], 'soon is no duration'],
      [['people', 'role', 'a', 'b', 'boss'], 'boss is no role'],
      [['spaces', 'quota', 'ml101', '--apps', '-3'], ''],
      [['spaces', 'quota', 'ml101', '--apps', 'many'], 'many is no number'],
      [['spaces', 'quota', 'ml101'], 'say which'],
    ] as const) {
      const { code, error } = await bed.run(...args);
      expect([args, code]).toEqual([args, 2]);
      expect(error).toContain(words);
    }
    expect((await bed.run('spaces', '--help')).out).toContain('quota SPACE [--apps N] [--awake N]');
  });
});
