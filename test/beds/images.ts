import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';

const busyboxTag = 'labkeeper-test/busybox:1';
const nodeTag = 'labkeeper-test/node:1';
const labBaseTag = 'labkeeper-test/lab-base:1';

/** sh, httpd, nc and the rest of busybox; runs `sh`. Made without a registry. Gives its tag. */
export async function busyboxImage(docker: Docker): Promise<string> {
  const program = findProgram('busybox');
  const tar = await cachedTar('busybox', [readFileSync(program)], (tree) => {
    place(program, tree, '/bin/busybox');
    const applets = spawnSync(program, ['--list'], { encoding: 'utf8' }).stdout.split('\n');
    for (const applet of applets.filter((name) => name !== '' && name !== 'busybox')) {
      symlinkSync('busybox', join(tree, 'bin', applet));
    }
    mkdirSync(join(tree, 'www'));
    writeFileSync(join(tree, 'www', 'index.html'), 'hello from busybox\n');
  });
  return importTar(docker, tar, busyboxTag, ['CMD ["sh"]', 'ENV PATH=/bin']);
}

/**
 * Node and a small app (`images/app.mjs`: HTTP and WebSocket echo on PORT, else 8080). Made of this
 * machine's own Node and the libraries it names. Gives its tag.
 */
export async function nodeImage(docker: Docker): Promise<string> {
  return importTar(docker, await nodeTar(), nodeTag, [...nodeSettings, 'EXPOSE 8080']);
}

const nodeSettings = ['CMD ["/bin/node", "/app.mjs"]', 'ENV PATH=/bin'];

async function nodeTar(): Promise<string> {
  const app = join(import.meta.dirname, 'images', 'app.mjs');
  const node = process.execPath;
  const sources = [Buffer.from(process.version + node), readFileSync(app)];
  return cachedTar('node', sources, (tree) => {
    place(node, tree, '/bin/node');
    place(app, tree, '/app.mjs');
    const { stdout } = spawnSync('ldd', [node], { encoding: 'utf8' });
    for (const [, library] of stdout.matchAll(/(?:=> )?(\/\S+) \(0x/g)) {
      if (library !== undefined) place(library, tree, library);
    }
  });
}

/**
 * The same app as labs of old have it: no EXPOSE, and whatever else `lines` of a Dockerfile say. Made
 * by the engine from one base, so that many variants cost little. Gives its tag.
 */
export async function labImage(
  docker: Docker,
  tag: string,
  lines: readonly string[] = [],
): Promise<string> {
  const known = await docker.listImages({ filters: { reference: [labBaseTag] } });
  if (known.length === 0) await importTar(docker, await nodeTar(), labBaseTag, nodeSettings);
  const folder = mkdtempSync(join(tmpdir(), 'labkeeper-build-'));
  try {
    const file = [`FROM ${labBaseTag}`, 'ENV LAB_KIND=streamlit', ...lines, ''].join('\n');
    writeFileSync(join(folder, 'Dockerfile'), file);
    const answer = await docker.buildImage({ context: folder, src: ['Dockerfile'] }, { t: tag });
    const said = await text(answer);
    if (said.includes('"error"')) throw new Error(`image ${tag} was not built: ${said}`);
    return tag;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A tar by the content it is made of: made once a machine, outside the working tree. */
async function cachedTar(
  name: string,
  sources: readonly Uint8Array[],
  fill: (tree: string) => void,
): Promise<string> {
  const hash = createHash('sha256').update('2');
  for (const source of sources) hash.update(source);
  const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
  const folder = join(cache, 'labkeeper', 'images');
  const path = join(folder, `${name}-${hash.digest('hex').slice(0, 16)}.tar`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  const tree = mkdtempSync(join(tmpdir(), 'labkeeper-image-'));
  try {
    for (const needed of ['bin', 'tmp', 'etc']) mkdirSync(join(tree, needed));
    writeFileSync(join(tree, 'etc', 'passwd'), 'root:x:0:0:root:/:/bin/sh\n');
    fill(tree);
    const draft = `${path}.${process.pid}.tmp`;
    const tar = spawnSync('tar', ['-C', tree, '--owner=0', '--group=0', '-cf', draft, '.'], {
      encoding: 'utf8',
    });
    if (tar.status !== 0) throw new Error(`tar of image ${name} failed: ${tar.stderr}`);
    renameSync(draft, path);
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
  return path;
}

async function importTar(
  docker: Docker,
  tar: string,
  tag: string,
  changes: string[],
): Promise<string> {
  const [repo, version] = tag.split(':');
  const answer: NodeJS.ReadableStream = await docker.importImage(tar, {
    repo,
    tag: version,
    changes,
  });
  const said = await text(answer);
  if (said.includes('"error"')) throw new Error(`image ${tag} was not imported: ${said}`);
  return tag;
}

function place(source: string, tree: string, path: string): void {
  const target = join(tree, path);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
}

function findProgram(name: string): string {
  const folders = (process.env['PATH'] ?? '').split(':');
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${basename(name)} is not installed`);
  return found;
}
