import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processContainers, processIsolation } from '../../src/runtime/process/index.ts';
import { requirePart } from '../beds/require.ts';
import { describeContainers } from './containers.contract.ts';

const web =
  "require('http').createServer((q, r) => r.end('ok')).listen(Number(process.env.PORT), '127.0.0.1')";

describeContainers(
  'the process runtime',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'labkeeper-process-'));
    const make = (installation: string) => () => processContainers({ installation, folder });
    const containers = make('contract')();
    await containers.ping();
    return {
      containers,
      installation: 'contract',
      again: make('contract'),
      stranger: make('somebody-else'),
      broken: () => processContainers({ installation: 'contract', folder: '/dev/null/nowhere' }),
      shell: (script) => ({ command: ['sh', '-c', script] }),
      web: { command: ['node', '-e', web] },
      async close() {
        rmSync(folder, { recursive: true });
      },
    };
  },
  {
    limitsEnforced: requirePart('cgroup') && processIsolation().limits === 'enforced',
    readOnlyEnforced: false,
    missingCommand: 'refused',
  },
);
