import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { dockerContainers } from '../../src/runtime/docker/index.ts';
import { startDockerEngine } from '../beds/docker.ts';
import { busyboxImage, nodeImage } from '../beds/images.ts';
import { requirePart } from '../beds/require.ts';
import { describeContainers } from './containers.contract.ts';

describe.runIf(requirePart('docker') && requirePart('busybox'))('Docker', () => {
  describeContainers(
    'the Docker runtime',
    async () => {
      const engine = await startDockerEngine();
      const busybox = await busyboxImage(engine.docker);
      const node = await nodeImage(engine.docker);
      const logFolder = mkdtempSync(join(tmpdir(), 'labkeeper-docker-'));
      const installation = randomUUID();
      const make = (owner: string) => () =>
        dockerContainers({ installation: owner, socketPath: engine.socketPath, logFolder });
      return {
        containers: make(installation)(),
        installation,
        again: make(installation),
        stranger: make(randomUUID()),
        broken: () =>
          dockerContainers({ installation, socketPath: join(logFolder, 'none.sock'), logFolder }),
        shell: (script) => ({ image: busybox, command: ['sh', '-c', script] }),
        web: { image: node },
        async close() {
          await engine.stop();
          rmSync(logFolder, { recursive: true });
        },
      };
    },
    { limitsEnforced: true, readOnlyEnforced: true, missingCommand: 'exits' },
  );
});
