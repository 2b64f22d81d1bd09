import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requirePart } from '../beds/require.ts';
import { openCommandLine, type CommandLineBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('labkeeper share', () => {
  let bed: CommandLineBed;
  beforeAll(async () => {
    bed = await openCommandLine();
    await bed.api.register('plot');
  });
  afterAll(() => bed.close());

  it('prints a link once, lists it without what lets in, and revokes it', async () => {
    const { out, code } = await bed.run(
      'share',
      'app/plot',
      '--for',
      '12h',
      '--label',
      'reviewers',
    );
    expect(code).toBe(0);
    expect(out).toMatch(/^http:\/\/localhost:8081\/app\/plot\/\.labkeeper\/enter\?link=\S+\n$/);
    const secret = new URL(out.trim()).searchParams.get('link') ?? '';
    const listed = await bed.run('share', 'plot', '--list');
    expect(listed.out).toMatch(/active .* local user +reviewers/);
    expect(listed.out).not.toContain(secret.split('.')[1]);
    const [link] = JSON.parse((await bed.run('share', 'plot', '--list', '--json')).out) as {
      id: string;
      createdAt: string;
      expiresAt: string;
    }[];
    const lasts = Date.parse(link?.expiresAt ?? '') - Date.parse(link?.createdAt ?? '');
    expect(Math.round(lasts / 3_600_000)).toBe(12);
    expect((await bed.run('share', 'plot', '--revoke', link?.id ?? '')).out).toContain(
      'is revoked',
    );
    expect((await bed.run('share', 'plot', '--list')).out).toContain('revoked');
  });

  it.each([
    [['--for', 'ever'], 'no duration'],
    [['--for', '0d'], 'no duration'],
    [['--list', '--revoke', 'x'], 'not several at once'],
  ])('says what is wrong with %s', async (options, sentence) => {
    const { code, error } = await bed.run('share', 'plot', ...options);
    expect([code, error]).toEqual([2, expect.stringContaining(sentence)]);
  });

  it('says that there is no such link, and that none lasts longer than a leap year', async () => {
    const absent = await bed.run('share', 'plot', '--revoke', '0123456789ab');
    expect([absent.code, absent.error]).toEqual([3, expect.stringContaining('no link')]);
    const long = await bed.run('share', 'plot', '--for', '367d');
    expect([long.code, long.error]).toEqual([1, expect.stringContaining('expiresInMs')]);
  });
});
