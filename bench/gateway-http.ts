import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  against,
  cpuSeconds,
  median,
  round,
  stopAll,
  wrk,
  type Bench,
  type Figure,
} from './measure.ts';
import { startConfigurableHttpProxy } from './peers/configurable-http-proxy.ts';
import { startGateway, type Proxy } from './peers/gateway.ts';
import { startNginx, startOrigin } from './peers/nginx.ts';

const proxyCore = 0;
const loadCore = 1;
const rounds = 5;

/**
 * Requests a second and added latency for a page of 1 KB over 50 keep-alive connections. The proxy has one
 * core, load and app share another; rounds go round all proxies, so that a noisy minute hits all.
 */
export const bench: Bench = async ({ seconds, say }) => {
  const origin = await startOrigin(loadCore);
  const proxies = {
    labkeeper: await startGateway(proxyCore, origin),
    'people log in': await startGateway(proxyCore, origin, { peopleLogIn: true }),
    nginx: await startNginx(proxyCore, origin),
    'configurable-http-proxy': await startConfigurableHttpProxy(proxyCore, origin),
    direct: { pid: null, port: origin, path: '/' },
  };
  type Name = keyof typeof proxies;
  const names = Object.keys(proxies) as Name[];
  const series = () =>
    Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  const [full, single, paced, cpu] = [series(), series(), series(), series()];
  const halfLoad = join(await mkdtemp(join(tmpdir(), 'labkeeper-wrk-')), 'half.lua');
  let errors = 0;
  const load = (name: Name, options: Parameters<typeof wrk>[2]) => {
    const { port, path, headers = [] }: Omit<Proxy, 'pid'> = proxies[name];
    return wrk(loadCore, `http://127.0.0.1:${port}${path}`, { headers, ...options });
  };
  for (const name of names) await load(name, { connections: 50, seconds: 2 });
  for (let number = 1; number <= rounds; number += 1) {
    for (const name of names) {
      const { pid } = proxies[name];
      const before = pid === null ? 0 : cpuSeconds(pid);
      const all = await load(name, { connections: 50, seconds });
      const used = (pid === null ? 0 : cpuSeconds(pid)) - before;
      full[name].push(all.perSecond);
      cpu[name].push((used * 1e6) / (all.perSecond * seconds));
      errors += all.errors;
      const one = await load(name, { connections: 1, seconds: Math.max(2, seconds / 2) });
      single[name].push(one.p50Ms);
      // wrk waits whole milliseconds between requests: 4 ms each makes half of the full load.
      const connections = Math.max(1, Math.round((median(full[name]) / 2) * 0.0043));
      await writeFile(halfLoad, 'function delay() return math.random(3, 5) end\n');
      const half = await load(name, { connections, seconds, script: halfLoad });
      paced[name].push(half.p99Ms);
      say(`round ${number}/${rounds} ${name}: ${Math.round(all.perSecond)}/s, one ${one.p50Ms} ms`);
    }
  }
  await stopAll();
  const throughput = (name: Name) => median(full[name]);
  const added = (name: Name) => (median(single[name]) - median(single.direct)) * 1000;
  const figures: Figure[] = [];
  for (const peer of ['people log in', 'nginx', 'configurable-http-proxy', 'direct'] as const) {
    figures.push(against('throughput', throughput('labkeeper'), 'req/s', peer, throughput(peer)));
  }
  for (const peer of ['people log in', 'nginx', 'configurable-http-proxy'] as const) {
    figures.push(
      against('cpuPerRequest', median(cpu.labkeeper), 'µs', peer, median(cpu[peer])),
      against('addedLatencyP50', added('labkeeper'), 'µs', peer, added(peer)),
      against('p99AtHalfLoad', median(paced.labkeeper), 'ms', peer, median(paced[peer])),
    );
  }
  figures.push({ figure: 'errors', value: round(errors), unit: '' });
  return figures;
};
