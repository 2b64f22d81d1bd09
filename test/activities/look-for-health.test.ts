import { describe, expect, it } from 'vitest';
import { lookForHealth } from '../../src/activities/look-for-health.ts';

/** An app as its paths answer; what is not named is missing. */
function app(pages: Record<string, [status: number, body?: string]> | null) {
  const looked: string[] = [];
  return {
    looked,
    look: async (path: string) => {
      looked.push(path);
      if (pages === null) return 'connect ECONNREFUSED';
      const [status, body = ''] = pages[path] ?? [404];
      return { status, body };
    },
  };
}

const streamlit = { healthPath: '/_stcore/health', healthBody: 'ok', base: '/lab1' };
const kept = { outcome: 'healthy', prefixMode: 'keep' };
const stripped = { outcome: 'healthy', prefixMode: 'strip' };

describe('looking for health', () => {
  it.each([
    ['keeps the prefix of an app that is healthy below its base', '/lab1/_stcore/health', kept],
    ['strips the prefix of one that is healthy at its root only', '/_stcore/health', stripped],
  ])('%s', async (_title, path, expected) => {
    const { look } = app({ [path]: [200, 'ok\n'] });
    expect(await lookForHealth(look, { ...streamlit, mode: 'detect' })).toEqual(expected);
  });

  it('asks for nothing but the place that the definition names', async () => {
    for (const [mode, path] of [
      ['keep', '/lab1/_stcore/health'],
      ['strip', '/_stcore/health'],
    ] as const) {
      const { look, looked } = app({ [path]: [200, 'ok'] });
      expect(await lookForHealth(look, { ...streamlit, mode })).toMatchObject({ prefixMode: mode });
      expect(looked).toEqual([path]);
    }
  });

  it('waits while nobody listens, and while the app says that it is not ready', async () => {
    expect(await lookForHealth(app(null).look, { ...streamlit, mode: 'detect' })).toEqual({
      outcome: 'not yet',
      lastAnswer: '/lab1/_stcore/health: connect ECONNREFUSED',
    });
    const starting = app({ '/lab1/_stcore/health': [503, 'unavailable'], '/': [200] });
    expect(await lookForHealth(starting.look, { ...streamlit, mode: 'detect' })).toMatchObject({
      outcome: 'not yet',
    });
  });

  it('takes an app of another family by its own page, wherever that is', async () => {
    const cases = [
      [{ '/lab1/': [200] }, kept],
      [{ '/': [200] }, stripped],
      [{}, kept],
      [{ '/lab1/': [500], '/': [503] }, { outcome: 'not yet' }],
    ] as const;
    for (const [pages, expected] of cases) {
      const { look } = app(pages as unknown as Record<string, [number]>);
      const health = await lookForHealth(look, { ...streamlit, mode: 'detect' });
      expect(health, JSON.stringify(pages)).toMatchObject(expected);
    }
  });

  it('never takes a definite preset for another family', async () => {
    const { look } = app({ '/lab1/': [200], '/': [200] });
    expect(await lookForHealth(look, { ...streamlit, mode: 'keep' })).toEqual({
      outcome: 'not yet',
      lastAnswer: '/lab1/_stcore/health answered 404',
    });
  });

  it('takes only the status that is expected where one is, and says what to do about a 404', async () => {
    const whenMissing = 'tell it where it lives';
    const notebook = { healthPath: '/api', healthStatus: 200, whenMissing, base: '/lab1' };
    const there = app({ '/lab1/api': [200] });
    expect(await lookForHealth(there.look, { ...notebook, mode: 'keep' })).toEqual(kept);
    const elsewhere = app({ '/api': [200] });
    expect(await lookForHealth(elsewhere.look, { ...notebook, mode: 'keep' })).toEqual({
      outcome: 'not yet',
      lastAnswer: '/lab1/api answered 404 (tell it where it lives)',
    });
  });
});
