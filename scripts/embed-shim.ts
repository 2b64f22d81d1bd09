import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The shim of the process runtime as one file of plain JavaScript. It is embedded as text, so that
 * it needs neither a loader nor a file beside the built program.
 */
export async function bundleShim(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['src/runtime/process/shim.ts'],
    absWorkingDir: root,
    bundle: true,
    write: false,
    platform: 'node',
    target: 'node20',
    // Node starts faster without its loader of modules.
    format: 'cjs',
    legalComments: 'none',
    charset: 'utf8',
  });
  return outputFiles[0]?.text ?? '';
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const lines = (await bundleShim()).split('\n').map((line) => `  ${JSON.stringify(line)},`);
  writeFileSync(
    `${root}/src/runtime/process/shim-text.ts`,
    [
      '/** Made from shim.ts by `tsx scripts/embed-shim.ts`; a test tells when it is stale. */',
      'export const shimText = [',
      ...lines,
      "].join('\\n');",
      '',
    ].join('\n'),
  );
}
