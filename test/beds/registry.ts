import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { findFreePort } from '../../src/supervisor/free-port.ts';
import { eventually } from './eventually.ts';

export interface Credentials {
  username: string;
  password: string;
}

/** A real image registry on loopback, which engines trust without TLS. */
export interface TestRegistry {
  /** As image names have it: `127.0.0.1:<port>`. */
  host: string;
  /** Pushes an image of the engine as `<host>/<repository>:<tag>`, and drops that name there. */
  push(docker: Docker, image: string, repository: string, tag: string): Promise<string>;
  /** From now on it knows only these. */
  setCredentials(credentials: Credentials): void;
  stop(): Promise<void>;
}

/** With `credentials` it lets in nobody else, to pull or to push. */
export async function startRegistry(credentials?: Credentials): Promise<TestRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'labkeeper-registry-'));
  const port = await findFreePort({ wanted: 0, address: '127.0.0.1' });
  const host = `127.0.0.1:${port}`;
  const passwords = join(folder, 'htpasswd');
  let known = credentials;
  const setCredentials = (next: Credentials) => {
    known = next;
    writeFileSync(passwords, `${next.username}:${bcrypt(next.password)}\n`);
  };
  if (credentials !== undefined) setCredentials(credentials);
  const config = join(folder, 'config.yml');
  const settings = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: host },
    ...(credentials === undefined ? {} : { auth: { htpasswd: { realm: 'lab', path: passwords } } }),
  };
  writeFileSync(config, JSON.stringify(settings));
  const registry = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const ended = once(registry, 'exit');
  const ready = credentials === undefined ? 200 : 401;
  await eventually(async () => {
    const { status } = await fetch(`http://${host}/v2/`);
    if (status !== ready) throw new Error(`the registry answers ${status}`);
  });

  return {
    host,
    setCredentials,
    async push(docker, image, repository, tag) {
      const name = `${host}/${repository}`;
      await docker.getImage(image).tag({ repo: name, tag });
      const pushed = await docker.getImage(`${name}:${tag}`).push({
        authconfig: { username: '', password: '', ...known, serveraddress: host },
      });
      const said = await text(pushed);
      if (!said.includes('digest: sha256:')) throw new Error(`not pushed: ${said}`);
      await docker.getImage(`${name}:${tag}`).remove();
      return `${name}:${tag}`;
    },
    async stop() {
      registry.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The one form of htpasswd that the registry reads; Perl's own library has it on every Debian. */
function bcrypt(password: string): string {
  const script = 'my $p = <STDIN>; print crypt($p, q($2y$05$labkeeperlabkeeperlab.));';
  const { stdout, status } = spawnSync('perl', ['-e', script], {
    input: password,
    encoding: 'utf8',
  });
  if (status !== 0 || !stdout.startsWith('$2y$')) throw new Error('perl makes no bcrypt');
  return stdout;
}
