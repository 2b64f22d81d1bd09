import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { dockerContainers } from '../../src/runtime/docker/index.ts';
import { startDockerEngine } from '../beds/docker.ts';
import { eventually } from '../beds/eventually.ts';
import { busyboxImage } from '../beds/images.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { openBackupBed, type BackupBed, type Ended } from './backup-bed.ts';

const withContainers = requirePart('docker') && requirePart('busybox');

describe.runIf(requirePart('postgres'))('a restore where the old world is not over', () => {
  let bed: BackupBed;
  let installation: string;
  beforeAll(async () => {
    bed = await openBackupBed();
    expect(await bed.backup(bed.archive)).toMatchObject({ code: 0 });
    const [row] = await runSql(bed.url, 'SELECT id FROM installation');
    installation = String(row?.['id']);
  });
  afterAll(async () => {
    await bed?.close();
  });
  const restore = async (env: Record<string, string> = {}): Promise<Ended> => {
    const args = ['restore', bed.archive, '--data', join(bed.folder, randomUUID())];
    return bed.start(args, { url: await bed.emptyDatabase(), env }).ended;
  };

  it('refuses while commands of the same installation run on this machine', async () => {
    const app = spawn('sleep', ['60'], {
      env: { ...process.env, LABKEEPER_INSTANCE: `${installation}/app-plot-5` },
    });
    try {
      const { code, error } = await restore();
      expect(code).toBe(1);
      expect(error).toContain(`end them first: kill ${app.pid}`);
    } finally {
      app.kill('SIGKILL');
    }
  });

  it.runIf(withContainers)(
    'refuses while containers of the same installation run',
    async () => {
      const engine = await startDockerEngine();
      try {
        const { socketPath } = engine;
        const docker = dockerContainers({ installation, socketPath, logFolder: bed.folder });
        await docker.ensure({
          ...{ name: 'app-plot-5', labels: {}, basePath: '', environment: () => ({}) },
          ...{ image: await busyboxImage(engine.docker), command: ['sleep', '600'], port: 80 },
          limits: { cpus: 1, memoryBytes: 64 * 1024 * 1024, pids: 16 },
          log: { maxBytes: 64 * 1024, files: 3 },
        });
        const env = { LABKEEPER_DOCKER_SOCKET: socketPath };
        const { code, error } = await restore(env);
        expect(code).toBe(1);
        const filter = `--filter label=labkeeper.installation=${installation}`;
        expect(error).toContain(`end them first: docker rm -f $(docker ps -aq ${filter})`);
        await docker.remove('app-plot-5');
        expect(await restore(env)).toMatchObject({ code: 0, error: '' });
      } finally {
        await engine.stop();
      }
    },
    120_000,
  );

  it.runIf(requirePart('temporal'))('refuses while Temporal has open workflows of it', async () => {
    const address = inject('temporalAddress') ?? '';
    const namespace = `restore-${randomUUID()}`;
    const connection = await Connection.connect({ address });
    await connection.workflowService.registerNamespace({
      namespace,
      // Its type asks for a Long, which a number does as well.
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    const { workflow } = new Client({ connection, namespace });
    const plot = { workflowId: 'app/plot', taskQueue: 'nobody', args: [{ name: 'plot' }] };
    const handle = await eventually(() => workflow.start('app', plot));
    const untilOpen = (wanted: number) =>
      eventually(async () => {
        expect((await workflow.count("ExecutionStatus = 'Running'")).count).toBe(wanted);
      });
    await untilOpen(1);
    const env = { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace };
    const { code, error } = await restore(env);
    expect(code).toBe(1);
    expect(error).toContain('still has 1 workflows of an earlier life');
    expect(error).toContain(
      `temporal workflow terminate --address ${address} --namespace ${namespace}`,
    );
    await handle.terminate();
    await untilOpen(0);
    expect(await restore(env)).toMatchObject({ code: 0, error: '' });
    await connection.close();
  });

  it('refuses while databases of Temporal beside the old one have open workflows', async () => {
    const name = `temporal_${randomUUID().slice(0, 8)}`;
    const beside = new URL(bed.url);
    beside.pathname = `/${name}_visibility`;
    await runSql(bed.url, `CREATE DATABASE ${name}_visibility`);
    const env = { LABKEEPER_TEMPORAL_DATABASE: name };
    try {
      // The columns that count of the table that Temporal's own schema makes.
      await runSql(
        beside.href,
        'CREATE TABLE executions_visibility (workflow_type_name text, status integer)',
      );
      await runSql(beside.href, "INSERT INTO executions_visibility VALUES ('app', 1), ('app', 2)");
      const { code, error } = await restore(env);
      expect(code).toBe(1);
      expect(error).toContain('still have 1 workflows of an earlier life');
      expect(error).toContain(`DROP DATABASE ${name}; DROP DATABASE ${name}_visibility`);
      await runSql(beside.href, 'UPDATE executions_visibility SET status = 2');
      expect(await restore(env)).toMatchObject({ code: 0, error: '' });
    } finally {
      await runSql(bed.url, `DROP DATABASE ${name}_visibility`);
    }
  });

  it('says that it cannot know when Temporal does not answer', async () => {
    const { code, error } = await restore({ TEMPORAL_ADDRESS: '127.0.0.1:1' });
    expect(code).toBe(1);
    expect(error).toContain('Temporal at 127.0.0.1:1 does not say whether it has workflows');
  });
});
