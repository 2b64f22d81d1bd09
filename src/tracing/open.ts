import type { Log } from '../log.ts';
import type { Counter } from '../metrics/metrics.ts';
import { noTracing, type Tracing, type TracingSettings } from './tracing.ts';

/** Loads what it takes to trace only where an endpoint is set. */
export async function openTracing(
  settings: TracingSettings,
  options: {
    /** `labkeeper-gateway` and the like. */
    service: string;
    version: string;
    host: string;
    /** Counts spans by what became of them. */
    spans: Readonly<Record<'sent' | 'dropped', Counter>>;
    log: Log;
  },
): Promise<Tracing> {
  const { endpoint } = settings;
  if (endpoint === undefined) return noTracing;
  const [{ createTracer }, { createExporter }] = await Promise.all([
    import('./tracer.ts'),
    import('./exporter.ts'),
  ]);
  const exporter = createExporter({ ...options, endpoint, headers: settings.headers });
  options.log.info({ endpoint }, 'traces are sent');
  return createTracer({ sampler: settings.sampler, ratio: settings.ratio, exporter });
}
