import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDockerEngine, type DockerEngine } from '../../beds/docker.ts';
import { eventually } from '../../beds/eventually.ts';
import { labImage } from '../../beds/images.ts';
import { requirePart } from '../../beds/require.ts';
import { patienceMs, simulator, startOpevaWorld, type OpevaWorld } from './bed.ts';

const present = requirePart('temporal') && requirePart('postgres') && requirePart('docker');
const repository = 'labkeeper-test/opeva';

describe.runIf(present)('OPEVA jobs as containers', { timeout: 120_000 }, () => {
  let engine: DockerEngine;
  let world: OpevaWorld;
  beforeAll(async () => {
    engine = await startDockerEngine();
    await engine.docker.createNetwork({ Name: 'opeva_network' });
    // As the image of old: its entry point takes the arguments. It runs as a user of its own.
    await labImage(engine.docker, `${repository}:v1`, [
      'USER 65534:65534',
      'ENTRYPOINT ["/bin/node", "/data/simulator.mjs"]',
      'CMD []',
    ]);
    world = await startOpevaWorld(
      {
        LABKEEPER_DOCKER: 'on',
        LABKEEPER_DOCKER_SOCKET: engine.socketPath,
        LABKEEPER_OPEVA_RUNNER: 'docker',
        LABKEEPER_OPEVA_COMMAND_PREFIX: '',
        LABKEEPER_OPEVA_IMAGE_REPOSITORY: repository,
      },
      (root) => copyFile(simulator, join(root, 'simulator.mjs')),
    );
  }, 180_000);
  afterAll(async () => {
    await world?.close();
    await engine?.stop();
  }, 90_000);

  it('10 gives a container mount, command, variables, labels, network and limits of the contract', async () => {
    const { own } = world;
    const config = { act: 'wait', simulator: { dataset_name: 'n' } };
    const id = await own.launch({ config, image_tag: 'v1', job_name: 'mine', param1: 'one' });
    await eventually(async () => expect((await own.get(`/logs/${id}`)).text).toBe('waits\n'), {
      deadlineMs: patienceMs,
    });
    const [found] = await engine.docker.listContainers({
      filters: { label: [`opeva.job_id=${id}`] },
    });
    const info = await engine.docker.getContainer(found?.Id ?? '').inspect();
    expect(info.Config.Cmd).toEqual([
      ...['--config', `/data/jobs/${id}/config.resolved.yaml`, '--job_id', id],
    ]);
    expect(info.Mounts).toMatchObject([{ Source: world.root, Destination: '/data', RW: true }]);
    expect(info.Config.Env).toEqual(
      expect.arrayContaining(['PARAM1=one', 'OPEVA_JOB_NAME=mine', 'OPEVA_BASE_DIR=/data']),
    );
    expect(info.Config.Labels).toMatchObject({
      ...{ 'opeva.worker_id': 'local', 'opeva.attempt': '1' },
    });
    expect(Object.keys(info.NetworkSettings.Networks)).toEqual(['opeva_network']);
    expect(info.HostConfig).toMatchObject({
      ...{ Memory: 96 * 1024 * 1024, PidsLimit: 513, RestartPolicy: { Name: 'no' } },
    });
    expect(await readFile(join(world.root, `jobs/${id}/config.resolved.yaml`), 'utf8')).toContain(
      'dataset_path: /data/datasets/n/schema.json',
    );
    await world.tell(id, 'go');
    await own.until(id, 'finished');
    // Removed once its exit and its log are kept.
    await expect(engine.docker.getContainer(found?.Id ?? '').inspect()).rejects.toMatchObject({
      statusCode: 404,
    });
    expect(await world.read(`jobs/${id}/logs/${id}.log`)).toBe('waits\n');
  });

  it('8 lets a container of another user write, and follows what it writes', async () => {
    const { own } = world;
    const id = await own.launch({ config: { act: 'run' }, image: `${repository}:v1` });
    await world.tell(id, 'go');
    await world.tell(id, 'on');
    await own.until(id, 'finished');
    expect((await own.get(`/result/${id}`)).json()).toMatchObject({ District: { bill: null } });
    expect((await own.get(`/progress/${id}`)).json()).toMatchObject({ progress_pct: 100 });
  });

  it('3.1 and 10 accept a job whose image is not there, which then has failed', async () => {
    const { own } = world;
    const id = await own.launch({ config: { act: 'run' }, image_tag: 'missing' });
    expect(await own.until(id, 'failed')).toMatchObject({
      ...{ status: 'exited', terminal: true, error: expect.stringContaining('missing') },
    });
  });

  it('3.4 stops a container, and says so when it is gone', async () => {
    const { own } = world;
    const id = await own.launch({ config: { act: 'stubborn' }, image_tag: 'v1' });
    await eventually(
      async () => expect((await own.get(`/logs/${id}`)).text).toContain('does not'),
      { deadlineMs: patienceMs },
    );
    expect((await own.post(`/stop/${id}`)).json()).toEqual({ message: 'stopped' });
    const left = await engine.docker.listContainers({
      ...{ all: true, filters: { label: [`opeva.job_id=${id}`] } },
    });
    expect(left).toEqual([]);
  });
});
