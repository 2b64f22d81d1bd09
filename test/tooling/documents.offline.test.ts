import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';

const root = new URL('../../', import.meta.url);

it('documents name only scripts that package.json has', async () => {
  const { scripts } = JSON.parse(await readFile(new URL('package.json', root), 'utf8')) as {
    scripts: Record<string, string>;
  };
  const docs = (await readdir(new URL('docs/', root))).filter((name) => name.endsWith('.md'));
  const files = ['README.md', 'CONTRIBUTING.md', ...docs.map((name) => `docs/${name}`)];
  for (const file of files) {
    const text = await readFile(new URL(file, root), 'utf8');
    const named = [...text.matchAll(/npm run ([a-z]+)/g)].map(([, script = '']) => script);
    expect([file, named.filter((script) => !(script in scripts))]).toEqual([file, []]);
  }
});
