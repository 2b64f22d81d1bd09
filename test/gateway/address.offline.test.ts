import { describe, expect, test } from 'vitest';
import { climbs, hostFormOf, locate } from '../../src/gateway/address.ts';
import { isInternal } from '../../src/gateway/console.ts';
import { publicLocation, withoutOwnCookies } from '../../src/gateway/headers.ts';

describe('which app an address names', () => {
  test.each([
    ['h', '/app/plot/a?b', { app: 'plot', form: 'path', base: '/app/plot', rest: '/a?b' }],
    ['h', '/app/plot', { app: 'plot', rest: '' }],
    ['h', '/app/plot?x', { app: 'plot', rest: '?x' }],
    ['plot.localhost:81', '/a', { app: 'plot', form: 'host', base: '', rest: '/a' }],
    ['plot.apps.example', '/a', { app: 'plot', form: 'host', base: '' }],
    ['Plot.Apps.Example:8443', '/a', { app: 'plot', form: 'host' }],
    ['PLOT.localhost.', '/a', { app: 'plot', form: 'host' }],
  ])('%s %s', (host, path, expected) => {
    expect(locate(host, path, hostFormOf('apps.example'))).toMatchObject(expected);
  });

  test.each([
    ['h', '/'],
    ['h', '/app/'],
    ['h', '/app/UPPER/'],
    ['h', '/app/-x/'],
    ['h', '/app/a.b/'],
    ['h', '/app/%70lot/'],
    ['localhost:8081', '/x'],
    ['a.b.localhost', '/'],
    ['plot.localhost.evil.example', '/'],
  ])('%s %s names none', (host, path) => {
    expect(locate(host, path, hostFormOf('apps.example'))).toBeNull();
  });
});

test.each([
  '/..',
  '/../x',
  '/a/../../x',
  '/%2e%2e/x',
  '/.%2E/x',
  '/a/..%2f..%2fx',
  '/a\\..\\..\\x',
  '/..;x/y',
  '/%2e%2e%5cx',
])('%s leads out of the app', (path) => {
  expect(climbs(path)).toBe(true);
});

test.each(['/a/../b', '/a..b', '/...', '/a?x=/../..', '/a/b/%2e%2e/c', '/.well-known'])(
  '%s stays in the app',
  (path) => {
    expect(climbs(path)).toBe(false);
  },
);

test.each([
  '/internal/apps/x/wake',
  '//internal/x',
  '/INTERNAL/',
  '/%69nternal/x',
  '/%2569nternal/x',
  '/a/../internal/x',
  '/./internal',
  '/%2finternal',
  '\\internal\\x',
  '/internal;x/y',
  '/internal?x',
])('the console refuses %s', (path) => {
  expect(isInternal(path)).toBe(true);
});

test('the console serves names that only look internal', () => {
  for (const path of ['/internals', '/api/internal', '/', '/?/internal']) {
    expect(isInternal(path)).toBe(false);
  }
});

test('cookies of others keep their bytes', () => {
  expect(withoutOwnCookies('a=1;  b="labkeeper x"; c=%zz')).toBe('a=1;  b="labkeeper x"; c=%zz');
  expect(withoutOwnCookies('labkeeper_session=1')).toBe('');
  expect(withoutOwnCookies('a=1; LABKEEPER_x=2; b=3')).toBe('a=1; b=3');
});

test('locations with a name that begins like the base still get the base', () => {
  const rewrite = { base: '/app/plot', inner: '', host: 'h', dropOwnCookies: true, addedBytes: 0 };
  expect(publicLocation('/app/plotter', rewrite)).toBe('/app/plot/app/plotter');
});
