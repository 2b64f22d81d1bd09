import { describe, expect, it } from 'vitest';
import { answerVisit, isNoise, isPoll, type Visit } from '../../src/model/visit.ts';

const rules = {
  ignoredPaths: ['/_stcore/health'],
  polledPaths: ['/api/kernels'],
  ignoredAgents: ['LabMonitor'],
};
const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0 Safari/537.36';
const visit = (changes: Partial<Visit>): Visit => ({
  method: 'GET',
  upgrade: false,
  secFetchMode: '',
  secFetchDest: '',
  accept: '*/*',
  purpose: '',
  userAgent: '',
  path: '/',
  ...changes,
});
const navigation = visit({
  secFetchMode: 'navigate',
  secFetchDest: 'document',
  accept: 'text/html,*/*',
  userAgent: chrome,
});

describe('a request to an app that sleeps', () => {
  it.each([
    ['navigation of a browser', navigation, 'page'],
    ['old browser without fetch metadata', visit({ accept: 'text/html' }), 'page'],
    ['form post of a browser', { ...navigation, method: 'POST' }, 'hold'],
    ['curl', visit({ userAgent: 'curl/7.88.1' }), 'hold'],
    ['API client that posts', visit({ method: 'POST', accept: 'application/json' }), 'hold'],
    ['poll of an open tab', visit({ secFetchMode: 'cors', secFetchDest: 'empty' }), 'refuse'],
    ['image of an open tab', visit({ secFetchMode: 'no-cors', secFetchDest: 'image' }), 'refuse'],
    ["program on Node's fetch", visit({ secFetchMode: 'cors', userAgent: 'node' }), 'hold'],
    ['reconnecting WebSocket', visit({ upgrade: true }), 'refuse'],
    ['prefetch', { ...navigation, purpose: 'prefetch' }, 'page-without-wake'],
    ['HEAD of a browser', { ...navigation, method: 'HEAD' }, 'page-without-wake'],
    ['HEAD of a program', visit({ method: 'HEAD' }), 'refuse'],
    ['uptime monitor', visit({ userAgent: 'Uptime-Kuma/1.23' }), 'refuse'],
    [
      'crawler that wants HTML',
      visit({ accept: 'text/html', userAgent: 'x Googlebot/2.1' }),
      'page-without-wake',
    ],
    ['program that reads what tabs poll', visit({ path: '/api/kernels' }), 'hold'],
    ['health check by path', visit({ path: '/_stcore/health' }), 'refuse'],
    ['agent the app ignores', { ...navigation, userAgent: 'labmonitor 2' }, 'refuse'],
    ['request that says it is no use', { ...navigation, path: '/?no_track_activity=1' }, 'refuse'],
  ] as const)('%s', (_title, given, answer) => {
    expect(answerVisit(given, rules)).toBe(answer);
  });
});

describe('noise', () => {
  it('covers an ignored path and what lies below it, not its namesakes', () => {
    const noise = (path: string) => isNoise({ path, userAgent: '' }, rules);
    expect(noise('/_stcore/health')).toBe(true);
    expect(noise('/_stcore/health?x=1')).toBe(true);
    expect(noise('/_stcore/health/deep')).toBe(true);
    expect(noise('/_stcore/healthy')).toBe(false);
  });
});

describe('a poll', () => {
  it('is a read of what tabs read again and again, not a change of it', () => {
    const poll = (method: string, path: string) => isPoll({ method, path }, rules);
    expect(poll('GET', '/api/kernels?1764066000')).toBe(true);
    expect(poll('HEAD', '/api/kernels/4f7c')).toBe(true);
    expect(poll('POST', '/api/kernels')).toBe(false);
    expect(poll('GET', '/api/kernelspecs')).toBe(false);
    expect(poll('GET', '/')).toBe(false);
  });
});
