import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { prepareNamespace } from '../../src/supervisor/temporal-namespace.ts';
import { temporalConnection } from '../../src/temporal-connection.ts';
import { echoApp } from '../acceptance/echo-app.ts';
import { untilStatus, whoIs } from '../acceptance/lab-view.ts';
import { makeAuthority, type Authority } from '../beds/certificates.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';
import { startTemporalFront, type TemporalFront } from '../beds/temporal-front.ts';

const parts = requirePart('temporal') && requirePart('postgres') && requirePart('openssl');
const apiKey = 'only-for-this-test-and-long-enough';

describe.runIf(parts)('a Temporal Service behind TLS, client certificate and API key', () => {
  let folder: string;
  let ours: Authority;
  let front: TemporalFront;
  let lab: Lab;
  let settings: Record<string, string>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-hosted-'));
    ours = await makeAuthority(folder);
    const [own, client] = [await ours.sign('temporal'), await ours.sign('labkeeper')];
    const apiKeyFile = join(folder, 'api-key');
    await writeFile(apiKeyFile, `${apiKey}\n`, { mode: 0o600 });
    lab = await startLab(async (temporalAddress) => {
      front = await startTemporalFront({ temporalAddress, own, clients: ours, apiKey });
      settings = {
        TEMPORAL_ADDRESS: front.address,
        TEMPORAL_TLS_CA: ours.certFile,
        TEMPORAL_TLS_CERT: client.certFile,
        TEMPORAL_TLS_KEY: client.keyFile,
        TEMPORAL_API_KEY_FILE: apiKeyFile,
      };
      return settings;
    });
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await front?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  const prepare = (changes: Record<string, string>, namespace = 'default') =>
    prepareNamespace({
      connection: temporalConnection(loadConfig({ ...settings, ...changes })),
      namespace,
      deadlineMs: 0,
    });

  it('is used by API and worker: an app wakes, is served and sleeps', async () => {
    await lab.client.apps.register('hosted', echoApp());
    await whoIs(lab, 'hosted');
    const stop = await lab.client.apps.stop('hosted');
    expect(await lab.client.operations.wait(stop.id)).toMatchObject({ state: 'succeeded' });
    await untilStatus(lab, 'hosted', 'asleep');
    expect([...front.passed]).toEqual(
      expect.arrayContaining(['SignalWithStartWorkflowExecution', 'PollWorkflowTaskQueue']),
    );
    expect([...front.refused]).toEqual([]);
  });

  it('gets the key and nothing of it is logged', async () => {
    for (const child of [lab.api, lab.worker, lab.gateway]) {
      expect(child.output()).not.toContain(apiKey);
    }
    await expect(prepare({})).resolves.toBeUndefined();
  });

  it('is not believed with a certificate of somebody else or for another name', async () => {
    const other = await makeAuthority(folder, 'other');
    const wrong = [
      { TEMPORAL_TLS_CA: other.certFile },
      { TEMPORAL_TLS_SERVER_NAME: 'temporal.example' },
    ];
    for (const refused of wrong.map((changes) => prepare(changes))) {
      await expect(refused).rejects.toThrow(/cannot reach Temporal at .* see TEMPORAL_TLS_CA/);
    }
  });

  it('refuses another key, which is told', async () => {
    const file = join(folder, 'other-key');
    await writeFile(file, 'some other key that nobody knows', { mode: 0o600 });
    await expect(prepare({ TEMPORAL_API_KEY_FILE: file })).rejects.toThrow(/no valid API key/);
    front.refused.clear();
  });

  it('may keep search attributes to its own tools: then it is said which to register', async () => {
    const namespace = 'administered';
    const { address } = lab.temporal;
    const plain = await Connection.connect({ address });
    const strict = await startTemporalFront({
      ...{ temporalAddress: address, own: await ours.sign('strict'), clients: ours, apiKey },
      forbidden: ['AddSearchAttributes'],
    });
    const throughStrict = () => prepare({ TEMPORAL_ADDRESS: strict.address }, namespace);
    try {
      await plain.workflowService.registerNamespace({
        namespace,
        workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
      });
      await expect(throughStrict()).rejects.toThrow(
        /search attributes Kind, .* in namespace administered, .*: register them as Keyword/,
      );
      await prepareNamespace({ connection: { address }, namespace, deadlineMs: 20_000 });
      await expect(throughStrict()).resolves.toBeUndefined();
    } finally {
      await Promise.all([strict.close(), plain.close()]);
    }
  });
});
