import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  against,
  cpuSeconds,
  freePort,
  median,
  ownMemoryBytes,
  processTree,
  round,
  startOn,
  stopAll,
  untilListening,
  type Bench,
  type Figure,
} from './measure.ts';
import { startConfigurableHttpProxy } from './peers/configurable-http-proxy.ts';
import { startGateway } from './peers/gateway.ts';
import { startNginx } from './peers/nginx.ts';
import type { SocketLoad } from './peers/socket-load.ts';

const proxyCore = 0;
const loadCore = 1;
const rounds = 3;
const idleSockets = 2_000;

/**
 * WebSockets: messages a second with 50 busy sockets, added latency at 2,000 messages a second, memory an
 * idle socket, descriptors left after 10,000 sockets that come, break and go.
 */
export const bench: Bench = async ({ seconds, say }) => {
  const peers = join(import.meta.dirname, 'peers');
  const app = await freePort();
  startOn(loadCore, [
    process.execPath,
    '--import',
    'tsx',
    join(peers, 'socket-load.ts'),
    JSON.stringify({
      port: app,
      path: '/',
      mode: 'serve',
      sockets: 0,
      seconds: 0,
    } satisfies SocketLoad),
  ]);
  await untilListening(app);
  const proxies = {
    labkeeper: await startGateway(proxyCore, app),
    nginx: await startNginx(proxyCore, app),
    'configurable-http-proxy': await startConfigurableHttpProxy(proxyCore, app),
    direct: { pid: null, port: app, path: '/' },
  };
  type Name = keyof typeof proxies;
  const names = Object.keys(proxies) as Name[];
  const start = async (name: Name, what: Omit<SocketLoad, 'port' | 'path'>) => {
    const { port, path } = proxies[name];
    const argument = JSON.stringify({ port, path, ...what } satisfies SocketLoad);
    const child = startOn(loadCore, [
      process.execPath,
      '--import',
      'tsx',
      join(peers, 'socket-load.ts'),
      argument,
    ]);
    const [line] = (await once(child.stdout!, 'data')) as [Buffer];
    return { child, result: JSON.parse(line.toString()) as Record<string, number> };
  };
  const series = () =>
    Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  const [speed, latency, cpu] = [series(), series(), series()];
  for (let number = 1; number <= rounds; number += 1) {
    for (const name of names) {
      const { pid } = proxies[name];
      const before = pid === null ? 0 : cpuSeconds(pid);
      const busy = await start(name, { mode: 'saturate', sockets: 50, seconds });
      const used = (pid === null ? 0 : cpuSeconds(pid)) - before;
      // It is measured for so long after half a second of warming up.
      cpu[name].push((used * 1e6) / ((busy.result['perSecond'] ?? Number.NaN) * (seconds + 0.5)));
      const calm = await start(name, { mode: 'paced', sockets: 50, seconds, perSecond: 2_000 });
      speed[name].push(busy.result['perSecond'] ?? Number.NaN);
      latency[name].push(calm.result['p50Ms'] ?? Number.NaN);
      const rate = Math.round(busy.result['perSecond'] ?? 0);
      say(`round ${number}/${rounds} ${name}: ${rate} messages/s, ${calm.result['p50Ms']} ms`);
    }
  }
  const memory: Partial<Record<Name, number>> = {};
  const leaked: Partial<Record<Name, number>> = {};
  for (const name of names) {
    const { pid } = proxies[name];
    if (pid === null) continue;
    const descriptors = descriptorsOf(pid);
    await start(name, { mode: 'churn', sockets: 50, seconds, cycles: 10_000 });
    leaked[name] = await settled(() => descriptorsOf(pid) - descriptors);
    const before = ownMemoryBytes(pid);
    const { child } = await start(name, { mode: 'idle', sockets: idleSockets, seconds });
    memory[name] = (ownMemoryBytes(pid) - before) / idleSockets / 1000;
    const gone = once(child, 'exit');
    child.kill();
    await gone;
    say(`${name}: ${round(memory[name] ?? 0)} kB an idle socket, ${leaked[name]} descriptors left`);
  }
  await stopAll();
  const added = (name: Name) => (median(latency[name]) - median(latency.direct)) * 1000;
  const figures: Figure[] = [];
  for (const peer of ['direct', 'nginx', 'configurable-http-proxy'] as const) {
    figures.push(
      against('throughput', median(speed.labkeeper), 'msg/s', peer, median(speed[peer])),
    );
  }
  for (const peer of ['nginx', 'configurable-http-proxy'] as const) {
    figures.push(
      against('cpuPerMessage', median(cpu.labkeeper), 'µs', peer, median(cpu[peer])),
      against('addedLatencyP50', added('labkeeper'), 'µs', peer, added(peer)),
      against('kBPerIdleSocket', memory.labkeeper ?? 0, 'kB', peer, memory[peer] ?? 0),
    );
  }
  figures.push({ figure: 'leakedDescriptors', value: leaked.labkeeper ?? Number.NaN, unit: '' });
  return figures;
};

function descriptorsOf(pid: number): number {
  return processTree(pid).reduce((sum, one) => sum + readdirSync(`/proc/${one}/fd`).length, 0);
}

/** The lowest value within some seconds: what goes by itself is no leak. */
async function settled(read: () => number): Promise<number> {
  let lowest = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 50 && lowest > 0; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    lowest = Math.min(lowest, read());
  }
  return Math.max(0, lowest);
}
