import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labkeeperClient } from '../../src/client/index.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { echoApp } from '../acceptance/echo-app.ts';
import { openTestDatabase } from '../beds/postgres.ts';
import { requirePart } from '../beds/require.ts';
import { connectTemporal, type TemporalBed } from '../beds/temporal.ts';
import {
  askDoctor,
  knownAddresses,
  endLeftovers,
  startDeadlineMs,
  startUp,
  untilReady,
  upSettings,
  type Up,
} from './up-bed.ts';

describe.runIf(requirePart('temporal') && requirePart('postgres'))(
  'labkeeper up with PostgreSQL and Temporal that run elsewhere',
  () => {
    let folder: string;
    let database: Awaited<ReturnType<typeof openTestDatabase>>;
    let temporal: TemporalBed;
    let settings: Record<string, string>;
    let up: Up;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'labkeeper-elsewhere-'));
      await chmod(folder, 0o755);
      [database, temporal] = await Promise.all([openTestDatabase(), connectTemporal()]);
      const namespace = `elsewhere-${randomBytes(4).toString('hex')}`;
      await temporal.client.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
      });
      settings = {
        ...upSettings(folder),
        LABKEEPER_DATABASE_URL: database.url,
        TEMPORAL_ADDRESS: temporal.address,
        TEMPORAL_NAMESPACE: namespace,
        // One more API, which is not there: ours are asked instead.
        LABKEEPER_API_URL: 'http://127.0.0.1:1',
        // Nothing to find: no engine of our own is needed.
        ...{ XDG_CACHE_HOME: join(folder, 'cache'), PATH: '/usr/bin:/bin' },
      };
      up = startUp(settings, '--no-example');
      await untilReady(up);
    }, startDeadlineMs);
    afterAll(async () => {
      up?.child.kill('SIGTERM');
      await up?.ended;
      await endLeftovers(folder);
      await Promise.all([temporal.close(), database.drop()]);
      await rm(folder, { recursive: true, force: true });
    }, startDeadlineMs);

    it('starts worker, API and gateway only', async () => {
      expect(up.output()).not.toMatch(/PostgreSQL|Temporal (started|on PostgreSQL|runs)/);
      const data = join(folder, 'data');
      expect(await readdir(data)).not.toContain('postgres');
      expect(await readdir(join(data, 'temporal'))).toEqual([]);
      const records = (await readdir(join(data, 'run'))).filter((name) => name.endsWith('.json'));
      expect(records).toEqual(
        expect.arrayContaining(['api.json', 'gateway.json', 'worker.json', 'supervisor.json']),
      );
    });

    it('serves apps on them, and the doctor finds them well', async () => {
      const { consoleUrl, appsUrl } = await knownAddresses(folder);
      const { apps, operations } = labkeeperClient({ baseUrl: consoleUrl });
      await apps.register('elsewhere', echoApp());
      expect((await fetch(`${appsUrl}/app/elsewhere/who`)).status).toBe(200);
      const { ok, checks } = askDoctor(settings);
      expect(checks.filter(({ state }) => state === 'failed')).toEqual([]);
      expect(ok).toBe(true);
      await operations.wait((await apps.stop('elsewhere')).id);
    });

    it('leaves them running at its end', async () => {
      up.child.kill('SIGTERM');
      expect(await up.ended).toBe(0);
      await temporal.client.workflowService.getSystemInfo({});
      const store = await openPostgresStore({
        ...{ url: database.url, poolSize: 1, applicationName: 'test' },
        log: pino({ level: 'silent' }),
      });
      expect(await store.apps.find('elsewhere')).toMatchObject({ name: 'elsewhere' });
      await store.close();
    });
  },
);
