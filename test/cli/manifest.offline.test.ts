import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { mistakeLine, readManifest } from '../../src/cli/manifest.ts';
import { namedAppSpecSchema } from '../../src/model/app-spec.ts';

const mistakesOf = (text: string) =>
  readManifest(text, '/lab/labkeeper.yaml').mistakes.map((one) => mistakeLine('f', one));

describe('reading a manifest', () => {
  it('reads several documents, and names the one each mistake is in', () => {
    const one = 'apps: [{ name: plot, command: [serve] }]\n';
    const { apps, mistakes } = readManifest(`---\n${one}---\n${one.replace('plot', 'board')}`, 'f');
    expect([apps.map(({ name }) => name), mistakes]).toEqual([['plot', 'board'], []]);
    expect(mistakesOf(`${one}---\n${one}---\napps: [\n---\napps:\n  - port: 0\n`)).toEqual([
      'f:3: document 2: apps[0].name: plot is described before, as apps[0] of document 1',
      expect.stringMatching(/^f:\d: document 3: /),
      expect.stringMatching(/^f:8: document 4: apps\[0\]\.name: /),
      expect.stringMatching(/^f:8: document 4: apps\[0\]\.port: /),
      expect.stringMatching(/^f:8: document 4: apps\[0\]\.image: give an image or a command$/),
    ]);
  });

  it('gives each app its definition, without defaults', () => {
    const { apps, mistakes } = readManifest(
      'apps:\n  - name: plot\n    command: [serve]\n    idle: { idleAfterMs: 1000 }\n',
      'labkeeper.yaml',
    );
    expect(mistakes).toEqual([]);
    expect(apps).toEqual([
      { name: 'plot', spec: { command: ['serve'], idle: { idleAfterMs: 1000 } } },
    ]);
  });

  it('means a relative working directory from its own folder', () => {
    const text = 'apps: [{ name: plot, command: [serve], workingDirectory: ./web }]';
    expect(readManifest(text, '/lab/labkeeper.yaml').apps[0]?.spec.workingDirectory).toBe(
      '/lab/web',
    );
  });

  it('leaves the working directory of an image alone', () => {
    const text = 'apps: [{ name: plot, image: plot, port: 80, workingDirectory: web }]';
    expect(mistakesOf(text)).toEqual(['f:1: apps[0].workingDirectory: must be an absolute path']);
  });

  it('names five mistakes in five places at once, each with its line', () => {
    const text = `apps:
  - name: Plot
    command: []
  - name: report
    image: registry.example/team/report
    idle:
      idleAfterMs: soon
    colour: green
`;
    const found = mistakesOf(text);
    expect(found).toHaveLength(5);
    expect(found[0]).toMatch(/^f:2: apps\[0\]\.name: must be a DNS label/);
    expect(found[1]).toMatch(/^f:3: apps\[0\]\.command: /);
    expect(found[2]).toBe('f:4: apps[1].port: an image needs its port');
    expect(found[3]).toMatch(/^f:7: apps\[1\]\.idle\.idleAfterMs: /);
    expect(found[4]).toBe('f:8: apps[1].colour: is not a known field');
  });

  it('finds the rules between fields also where a field is wrong', () => {
    expect(mistakesOf('apps:\n  - name: PLOT\n')).toEqual([
      expect.stringMatching(/^f:2: apps\[0\]\.name: /),
      'f:2: apps[0].image: give an image or a command',
    ]);
  });

  it('refuses two apps of one name', () => {
    const text = 'apps:\n  - { name: a, command: [x] }\n  - { name: a, command: [y] }\n';
    expect(mistakesOf(text)).toEqual(['f:3: apps[1].name: a is described before, as apps[0]']);
  });

  it.each([
    ['', 'f:1: a manifest is a mapping with the key apps'],
    ['[]', 'f:1: a manifest is a mapping with the key apps'],
    ['{}', 'f:1: apps must be a list of apps'],
    ['apps: all', 'f:1: apps: apps must be a list of apps'],
    ['apps: []\nversion: 2', 'f:2: version: is not a known field'],
  ])('says what a manifest is when it is %j', (text, mistake) => {
    expect(mistakesOf(text)).toEqual([mistake]);
  });

  it('says where the YAML itself is broken', () => {
    expect(mistakesOf('apps:\n  - name: "plot\n')[0]).toMatch(/^f:[23]: /);
    expect(mistakesOf('apps: []\napps: []\n')).toEqual(['f:2: Map keys must be unique']);
  });

  it('stays small whatever aliases promise', () => {
    const bomb = `a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\napps: [*c,*c,*c,*c,*c,*c,*c]\n`;
    expect(mistakesOf(bomb).length).toBeGreaterThan(0);
  });

  it.each(['labkeeper.yaml', 'container.yaml'])('reads the example %s', async (name) => {
    const file = new URL(`../../examples/board/${name}`, import.meta.url).pathname;
    const { apps, mistakes } = readManifest(await readFile(file, 'utf8'), file);
    expect(mistakes).toEqual([]);
    expect(apps).toHaveLength(1);
    for (const { name: app, spec } of apps) namedAppSpecSchema.parse({ name: app, ...spec });
  });
});
