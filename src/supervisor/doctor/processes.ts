import { healthSchema } from '../../model/api.ts';
import { check, type Check, type Checkup } from './check.ts';

const answerWithinMs = 5_000;

/** The supervisor and our own processes, by their health. */
export async function checkProcesses(checkup: Checkup): Promise<Check[]> {
  const { supervisor, addresses } = checkup;
  if (supervisor === null || addresses === null) {
    return [
      {
        name: 'labkeeper',
        state: 'failed',
        detail: 'does not run on this data folder',
        remedy: 'npm start (or `labkeeper up`)',
      },
    ];
  }
  const { ports, apiUrl } = addresses;
  const local = (port: number) => `http://127.0.0.1:${port}`;
  return [
    { name: 'labkeeper', state: 'ok', detail: `runs (process ${supervisor.pid})` },
    ...(await Promise.all([
      checkHealth('API', apiUrl, 'api'),
      checkHealth('gateway', local(ports.gatewayMetrics), 'gateway'),
      checkHealth('worker', local(ports.agent), 'worker'),
    ])),
  ];
}

function checkHealth(name: string, url: string, file: string): Promise<Check> {
  const remedy = `see run/logs/${file}.log in the data folder; the supervisor starts it again`;
  return check(name, remedy, async () => {
    const answer = await fetch(`${url}/health/ready`, {
      signal: AbortSignal.timeout(answerWithinMs),
    });
    const body: unknown = await answer.json().catch(() => null);
    const detail = describeHealth(body);
    if (!answer.ok)
      return { state: 'failed', detail: detail || `answers ${answer.status}`, remedy };
    return detail === '' ? `ready on ${url}` : { state: 'warning', detail, remedy };
  });
}

/** What is not well, in words; empty when all is. */
function describeHealth(body: unknown): string {
  const health = healthSchema.safeParse(body);
  if (health.success) {
    return Object.entries(health.data.checks)
      .filter(([, { ok }]) => !ok)
      .map(([part, { detail }]) => `${part}: ${detail ?? 'not well'}`)
      .join('; ');
  }
  const why = typeof body === 'object' && body !== null && 'why' in body ? body.why : null;
  return typeof why === 'string' ? why : '';
}
