// The container's health check: asks the process that runs here whether it is ready.
import { readdirSync, readFileSync } from 'node:fs';

/** Where each process answers, by the name of its program. */
const ports = {
  api: process.env.LABKEEPER_API_PORT || '8090',
  gateway: process.env.LABKEEPER_GATEWAY_METRICS_PORT || '8092',
  worker: process.env.LABKEEPER_AGENT_PORT || '8091',
};

const name = process.argv[2] ?? runningProgram();
const port = ports[name];
if (port === undefined) {
  console.error(`no process of labkeeper runs here: ${name}`);
  process.exit(1);
}
const answer = await fetch(`http://127.0.0.1:${port}/health/ready`, {
  signal: AbortSignal.timeout(4_000),
}).catch((error) => ({ ok: false, text: async () => String(error.cause ?? error) }));
if (!answer.ok) console.error(await answer.text());
process.exit(answer.ok ? 0 : 1);

/** `api` of `node … dist/api.js`. */
function runningProgram() {
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const found = /dist\/(api|gateway|worker)\.js/.exec(
        readFileSync(`/proc/${pid}/cmdline`, 'utf8'),
      );
      if (found) return found[1];
    } catch {
      // It ended meanwhile.
    }
  }
  return 'none';
}
