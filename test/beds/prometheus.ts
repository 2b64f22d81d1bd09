import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { findFreePort } from '../../src/supervisor/free-port.ts';
import { createChild } from './child.ts';
import { prometheusFolder } from './monitoring.ts';

export interface Series {
  labels: Record<string, string>;
  value: number;
}

/** A real Prometheus with the configuration and rules that we ship. */
export interface Prometheus {
  /** The value now of each series; rejects when the expression is refused. */
  query(expr: string): Promise<Series[]>;
  /** Alerts that are pending or firing. */
  alerts(): Promise<
    { labels: Record<string, string>; annotations: Record<string, string>; state: string }[]
  >;
  stop(): Promise<void>;
}

const configSchema = z.looseObject({
  global: z.looseObject({ scrape_interval: z.string(), evaluation_interval: z.string() }),
  rule_files: z.array(z.string()),
  scrape_configs: z.array(
    z.looseObject({ static_configs: z.array(z.object({ targets: z.array(z.string()) })) }),
  ),
});

/** `ports` gives the port of this lab for each default port of the configuration. */
export async function startPrometheus(
  ports: Readonly<Record<string, string>>,
): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'prometheus-'));
  const config = configSchema.parse(
    parse(await readFile(join(prometheusFolder, 'prometheus.yml'), 'utf8')),
  );
  config.global.scrape_interval = '250ms';
  config.global.evaluation_interval = '250ms';
  config.rule_files = config.rule_files.map((name) => join(prometheusFolder, name));
  for (const scrape of config.scrape_configs) {
    for (const group of scrape.static_configs) {
      group.targets = group.targets.map((target) => {
        const port = ports[target.replace(/^127\.0\.0\.1:/, '')];
        if (port === undefined) throw new Error(`the lab has nothing for ${target}`);
        return `127.0.0.1:${port}`;
      });
    }
  }
  const configFile = join(folder, 'prometheus.yml');
  await writeFile(configFile, stringify(config));
  const port = await findFreePort({ wanted: 0, address: '127.0.0.1', taken: new Set() });
  const url = `http://127.0.0.1:${port}`;
  const child = createChild({
    command: 'prometheus',
    args: [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    environment: {},
    outputFile: join(folder, 'prometheus.log'),
    ready: async () => {
      const answer = await fetch(`${url}/-/ready`, { signal: AbortSignal.timeout(2_000) });
      if (!answer.ok) throw new Error(`it answers ${answer.status}`);
    },
  });
  await child.start();
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`${url}${path}`, { signal: AbortSignal.timeout(10_000) });
    const body = z
      .object({ status: z.string(), error: z.string().optional(), data: z.unknown() })
      .parse(await answer.json());
    if (body.status !== 'success') throw new Error(`${path} is refused: ${body.error}`);
    return body.data;
  };
  return {
    async query(expr) {
      const { result } = resultSchema.parse(
        await ask(`/api/v1/query?query=${encodeURIComponent(expr)}`),
      );
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    alerts: async () => alertsSchema.parse(await ask('/api/v1/alerts')).alerts,
    async stop() {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const labels = z.record(z.string(), z.string());
const resultSchema = z.object({
  result: z.array(z.object({ metric: labels, value: z.tuple([z.number(), z.string()]) })),
});
const alertsSchema = z.object({
  alerts: z.array(z.object({ labels, annotations: labels, state: z.string() })),
});
