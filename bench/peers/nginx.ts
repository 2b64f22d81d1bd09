import { chmod, mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startOn, untilListening } from '../measure.ts';
import type { Proxy } from './gateway.ts';

/** nginx with one worker as a proxy with keep-alive to the app, WebSockets included. */
export async function startNginx(core: number, appPort: number): Promise<Proxy> {
  const port = await freePort();
  const pid = await start(
    core,
    `upstream app { server 127.0.0.1:${appPort}; keepalive 128; keepalive_requests 1000000000; }
     map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
     server { listen 127.0.0.1:${port} backlog=4096; location / {
       proxy_pass http://app; proxy_http_version 1.1; proxy_read_timeout 600s;
       proxy_set_header Host $http_host; proxy_set_header Upgrade $http_upgrade;
       proxy_set_header Connection $connection_upgrade;
       proxy_set_header X-Forwarded-For $remote_addr; } }`,
  );
  await untilListening(port);
  return { pid, port, path: '/' };
}

/** nginx as the app behind the proxies: a page of 1 KB. */
export async function startOrigin(core: number): Promise<number> {
  const port = await freePort();
  await start(
    core,
    `server { listen 127.0.0.1:${port} backlog=4096; location / { default_type text/plain; return 200 "${'x'.repeat(1024)}"; } }`,
  );
  await untilListening(port);
  return port;
}

async function start(core: number, servers: string): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'labkeeper-nginx-'));
  // As root its worker is another user.
  await chmod(folder, 0o755);
  const file = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${join(folder, kind)};`)
    .join(' ');
  await mkdir(join(folder, 'logs'));
  await writeFile(
    file,
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/logs/error.log;
     events { worker_connections 20000; }
     http { access_log off; keepalive_requests 1000000000; ${temporary} ${servers} }`,
  );
  const child = startOn(core, [
    'nginx',
    '-p',
    folder,
    '-c',
    file,
    '-e',
    `${folder}/logs/error.log`,
  ]);
  return child.pid!;
}
