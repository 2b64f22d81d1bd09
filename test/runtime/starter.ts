import { processContainers } from '../../src/runtime/process/index.ts';

/*
 * A process that starts an instance and then waits to be killed, as a worker would be:
 * `node --import tsx starter.ts <folder> <installation> <instance> <shell script>`.
 */
const [folder = '', installation = '', name = '', script = ''] = process.argv.slice(2);
const instance = await processContainers({ installation, folder }).ensure({
  name,
  labels: { 'labkeeper.entity': 'app/test' },
  command: ['sh', '-c', script],
  basePath: '/app/test',
  environment: () => ({}),
  limits: { cpus: 1, memoryBytes: 256 * 1024 * 1024, pids: 64 },
  log: { maxBytes: 65_536, files: 2 },
});
process.stdout.write(`${JSON.stringify(instance)}\n`);
setInterval(() => undefined, 1_000);
