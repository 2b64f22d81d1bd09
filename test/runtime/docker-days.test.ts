import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Containers, Instance, InstanceSpec } from '../../src/runtime/containers.ts';
import { dockerContainers } from '../../src/runtime/docker/index.ts';
import { startDockerEngine, type DockerEngine } from '../beds/docker.ts';
import { eventually } from '../beds/eventually.ts';
import { busyboxImage, nodeImage } from '../beds/images.ts';
import { startRegistry } from '../beds/registry.ts';
import { requirePart } from '../beds/require.ts';

/** What only a Docker Engine can do to us: restarts, registries, networks, foreign containers. */
const MiB = 1024 * 1024;

describe.runIf(requirePart('docker') && requirePart('busybox'))('a Docker Engine', () => {
  let engine: DockerEngine;
  let busybox: string;
  let logFolder: string;
  let containers: Containers;
  const installation = randomUUID();

  beforeAll(async () => {
    engine = await startDockerEngine();
    busybox = await busyboxImage(engine.docker);
    logFolder = mkdtempSync(join(tmpdir(), 'labkeeper-docker-'));
    containers = make();
  });

  afterAll(async () => {
    await engine.stop();
    rmSync(logFolder, { recursive: true });
  });

  function make(network?: string): Containers {
    const { socketPath } = engine;
    return dockerContainers({
      installation,
      socketPath,
      logFolder,
      ...(network === undefined ? {} : { network }),
    });
  }

  function specOf(script: string, parts: Partial<InstanceSpec> = {}): InstanceSpec {
    return {
      name: `app-${randomUUID().slice(0, 8)}-1`,
      labels: { 'labkeeper.entity': 'app/test', 'labkeeper.generation': '1' },
      image: busybox,
      command: ['sh', '-c', script],
      port: 8080,
      basePath: '/app/test',
      environment: () => ({}),
      limits: { cpus: 0.5, memoryBytes: 64 * MiB, pids: 32 },
      log: { maxBytes: 65_536, files: 2 },
      ...parts,
    };
  }

  const nameOf = (spec: InstanceSpec) => `labkeeper-${installation.slice(0, 8)}-${spec.name}`;

  const exited = (name: string) =>
    eventually(async () => {
      const instance = await containers.inspect(name);
      expect(instance?.phase).toBe('exited');
      return instance as Instance;
    });

  it('gives a container its limits and takes every right that it does not need', async () => {
    const spec = specOf('sleep 600');
    await containers.ensure(spec);
    const { HostConfig: host } = await engine.docker.getContainer(nameOf(spec)).inspect();
    expect(host).toMatchObject({
      Memory: 64 * MiB,
      MemorySwap: 64 * MiB,
      NanoCpus: 500_000_000,
      PidsLimit: 33,
      Privileged: false,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Init: true,
      RestartPolicy: { Name: 'no' },
      PortBindings: { '8080/tcp': [{ HostIp: '127.0.0.1' }] },
    });
    expect(host.CapAdd).not.toContain('NET_RAW');
    expect(host.Binds ?? []).toEqual([]);
    await containers.remove(spec.name);
  });

  it('starts what a killed worker had made and not started', async () => {
    const spec = specOf('echo started; sleep 600');
    await containers.ensure(spec);
    const { Config, HostConfig } = await engine.docker.getContainer(nameOf(spec)).inspect();
    await containers.remove(spec.name);
    await containers.forgetLog(spec.name);
    await engine.docker.createContainer({ ...Config, HostConfig, name: nameOf(spec) });
    expect((await containers.inspect(spec.name))?.phase).toBe('created');
    expect((await containers.ensure(spec)).phase).toBe('running');
    await containers.remove(spec.name);
  });

  it('refuses a name that somebody else has taken', async () => {
    const spec = specOf('sleep 600');
    const foreign = await engine.docker.createContainer({ name: nameOf(spec), Image: busybox });
    await expect(containers.ensure(spec)).rejects.toMatchObject({ type: 'conflict' });
    await expect(containers.remove(spec.name)).rejects.toMatchObject({ type: 'conflict' });
    await foreign.remove();
  });

  it('names the image that is not there, and why', async () => {
    const spec = specOf('true', { image: '127.0.0.1:9/team/none:v3' });
    await expect(containers.ensure(spec)).rejects.toMatchObject({
      name: 'LabError',
      type: 'image_not_found',
      message: expect.stringMatching(/image 127\.0\.0\.1:9\/team\/none:v3: .*refused/) as string,
    });
    expect(await containers.inspect(spec.name)).toBeNull();
  });

  it('refuses what the engine refuses, in its words, and leaves nothing', async () => {
    const spec = specOf('true', { limits: { cpus: 4_000, memoryBytes: 64 * MiB, pids: 8 } });
    await expect(containers.ensure(spec)).rejects.toMatchObject({
      type: 'start_refused',
      message: expect.stringMatching(/CPU/) as string,
    });
    expect(await containers.inspect(spec.name)).toBeNull();
  });

  it('tells each door of a container whose port nobody named for sure', async () => {
    const serve = 'mkdir -p /tmp/w; echo here > /tmp/w/index.html; httpd -f -p 8501 -h /tmp/w';
    const spec = specOf(serve, { port: 8506, alternativePorts: [8501] });
    const { doors, address } = await containers.ensure(spec);
    expect(doors.map(({ innerPort }) => innerPort)).toEqual([8506, 8501]);
    expect(address).toEqual({ host: doors[0]?.host, port: doors[0]?.port });
    await eventually(async () => {
      const url = `http://127.0.0.1:${doors[1]?.port}/`;
      // The engine's proxy may take a connection that nobody in the container answers yet.
      const answer = await fetch(url, { signal: AbortSignal.timeout(1_000) });
      expect(await answer.text()).toBe('here\n');
    });
    await containers.remove(spec.name);
    const only = specOf(serve, { port: 8506 });
    expect((await containers.ensure(only)).doors).toHaveLength(1);
    await containers.remove(only.name);
  });

  it('publishes a container on the port of the host that was asked for', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port: hostPort } = holder.address() as AddressInfo;
    const spec = specOf('sleep 600', { hostPort });
    await expect(containers.ensure(spec)).rejects.toMatchObject({ type: 'start_refused' });
    await new Promise((resolve) => holder.close(resolve));
    expect((await containers.ensure(spec)).address).toEqual({ host: '127.0.0.1', port: hostPort });
    await containers.remove(spec.name);
  });

  it('reaches containers of a shared network by their own address', async () => {
    const network = `labkeeper-${randomUUID().slice(0, 8)}`;
    const made = await engine.docker.createNetwork({ Name: network });
    const joined = make(network);
    const spec = specOf('', { image: await nodeImage(engine.docker) });
    delete spec.command;
    const instance = await joined.ensure(spec);
    expect(instance.address?.port).toBe(8080);
    expect(instance.address?.host).not.toBe('127.0.0.1');
    await eventually(async () => {
      const url = `http://${instance.address?.host}:8080/health`;
      expect((await fetch(url, { signal: AbortSignal.timeout(1_000) })).status).toBe(200);
    });
    await joined.remove(spec.name);
    await made.remove();
  });

  it('keeps log offsets true while the engine drops old lines', async () => {
    const spec = specOf(
      'i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo line $i; usleep 10000; done; sleep 0.2',
      { log: { maxBytes: 4_096, files: 2 } },
    );
    await containers.ensure(spec);
    let at = 0;
    let followed = '';
    await eventually(
      async () => {
        const part = await make().readLog(spec.name, { fromByte: at });
        expect(part.fromByte).toBe(at);
        followed += Buffer.from(part.bytes).toString();
        at = part.nextByte;
        expect(part.complete).toBe(true);
      },
      { deadlineMs: 30_000 },
    );
    expect(followed).toBe(
      Array.from({ length: 200 }, (_value, index) => `line ${index + 1}\n`).join(''),
    );
    await containers.remove(spec.name);
    expect(await containers.readLog(spec.name, { fromByte: at })).toMatchObject({ nextByte: at });
  });

  it.runIf(requirePart('registry'))('pulls from a registry, and tells how far it is', async () => {
    const registry = await startRegistry();
    try {
      const image = await registry.push(engine.docker, busybox, 'lab/box', 'v1');
      const told: string[] = [];
      const spec = specOf('echo pulled', { image });
      const instance = await containers.ensure(spec, { onProgress: (line) => told.push(line) });
      expect(told[0]).toBe(`pulling image ${image}`);
      expect(instance.imageDigest).toMatch(/^sha256:[0-9a-f]{64}$/);
      const head = await fetch(`http://${registry.host}/v2/lab/box/manifests/v1`, {
        method: 'HEAD',
        headers: { accept: 'application/vnd.docker.distribution.manifest.v2+json' },
      });
      expect(instance.imageDigest).toBe(head.headers.get('docker-content-digest'));
      await containers.remove(spec.name);
      await expect(
        containers.ensure(specOf('true', { image: `${registry.host}/lab/box:v2` })),
      ).rejects.toMatchObject({
        type: 'image_not_found',
        message: expect.stringContaining('v2') as string,
      });
    } finally {
      await registry.stop();
    }
  });

  it.runIf(requirePart('registry'))(
    'prepares an image as its registry has it now, and takes one of its own as it is',
    async () => {
      const registry = await startRegistry();
      const node = await nodeImage(engine.docker);
      try {
        const image = await registry.push(engine.docker, busybox, 'lab/moves', 'v1');
        const { imageId: first } = await containers.prepareImage(image);
        const spec = specOf('sleep 600', { image });
        expect((await containers.ensure(spec)).imageId).toBe(first);
        expect(await containers.prepareImage(image)).toEqual({ imageId: first });
        const elsewhere = dockerContainers({
          installation,
          socketPath: engine.socketPath,
          logFolder,
        });
        await engine.docker.getImage(image).remove({ force: true });
        await registry.push(engine.docker, node, 'lab/moves', 'v1');
        const { imageId: second } = await elsewhere.prepareImage(image);
        expect(second).not.toBe(first);
        expect((await containers.inspect(spec.name))?.imageId).toBe(first);
        await containers.remove(spec.name);
        await expect(
          containers.prepareImage(`${registry.host}/lab/moves:v2`),
        ).rejects.toMatchObject({
          type: 'image_not_found',
        });
      } finally {
        await registry.stop();
      }
      const own = await engine.docker.getImage(busybox).inspect();
      expect(await containers.prepareImage(busybox)).toEqual({ imageId: own.Id });
    },
  );

  it.runIf(requirePart('registry'))(
    'does not take an old copy for the new image while the registry cannot be asked',
    async () => {
      const registry = await startRegistry();
      const image = await registry.push(engine.docker, busybox, 'lab/copied', 'v1');
      await containers.prepareImage(image);
      await registry.stop();
      await expect(containers.prepareImage(image)).rejects.toMatchObject({
        type: 'image_not_found',
      });
    },
  );

  it('makes room for an app that an earlier system ran under its id, and for nothing else', async () => {
    const run = async (name: string, labels: Record<string, string> = {}) => {
      const made = await engine.docker.createContainer({
        ...{
          name,
          Image: busybox,
          Cmd: ['sleep', '600'],
          Labels: labels,
          HostConfig: { Init: true },
        },
      });
      await made.start();
    };
    const objectId = randomUUID().replaceAll('-', '').slice(0, 24);
    const [repository] = busybox.split(':') as [string];
    await run(objectId);
    await run('lab-old');
    await run('lab-ours', { 'labkeeper.protect': 'true' });
    expect(await containers.removeLeftover(objectId, 'another/image:1')).toBe(true);
    expect(await containers.removeLeftover('lab-old', 'another/image:1')).toBe(false);
    expect(await containers.removeLeftover('lab-old', `${repository}:9`)).toBe(true);
    expect(await containers.removeLeftover('lab-old', busybox)).toBe(false);
    expect(await containers.removeLeftover('lab-ours', busybox)).toBe(false);
    const left = await engine.docker.listContainers({ all: true });
    expect(left.flatMap(({ Names }) => Names)).toContain('/lab-ours');
    await engine.docker.getContainer('lab-ours').remove({ force: true });
  });

  it.runIf(requirePart('registry'))(
    'pulls what is not for everybody with the right password, and says whose fault it is else',
    async () => {
      const right = { username: 'lab', password: 'right-canary/+&"' };
      const registry = await startRegistry(right);
      try {
        const image = await registry.push(engine.docker, busybox, 'lab/private', 'v1');
        const start = async (credentials: typeof right | null) => {
          const spec = specOf('echo pulled', {
            image,
            registryCredentials: async () => credentials,
          });
          const outcome = await containers.ensure(spec).catch((error: unknown) => error);
          expect(await containers.inspect(spec.name)).toEqual(
            outcome instanceof Error ? null : expect.objectContaining({ name: spec.name }),
          );
          return outcome;
        };
        const remedy = `\`labkeeper secrets registry set ${registry.host}\``;
        const none = await start(null);
        expect(none).toMatchObject({ name: 'LabError', type: 'registry_refused' });
        expect(String(none)).toMatch(/asks who wants it .*no credentials for it are set/);
        expect(String(none)).toContain(remedy);
        for (const wrong of [
          { username: 'lab', password: 'wrong-canary' },
          { username: 'nobody', password: right.password },
        ]) {
          const refused = await start(wrong);
          expect(refused).toMatchObject({ name: 'LabError', type: 'registry_refused' });
          expect(String(refused)).toContain('refuses the user name and password that are set');
          expect(String(refused)).toContain(remedy);
          expect(inspect(refused, { depth: 10 })).not.toContain('canary');
        }
        expect(await start(right)).toMatchObject({ imageDigest: expect.any(String) as string });
      } finally {
        await registry.stop();
      }
    },
  );

  it('that restarts ends its containers, which are found as exited, logs and all', async () => {
    const spec = specOf('echo before; sleep 600');
    await containers.ensure(spec);
    const watching = containers.watch(() => undefined, new AbortController().signal);
    const failure = watching.catch((error: unknown) => error);
    await engine.restart();
    expect(await failure).toMatchObject({ type: 'runtime_unavailable' });
    expect(await exited(spec.name)).toMatchObject({ address: null });
    expect((await containers.list()).map((instance) => instance.name)).toContain(spec.name);
    const { bytes } = await containers.readLog(spec.name, {});
    expect(Buffer.from(bytes).toString()).toBe('before\n');
    await containers.remove(spec.name);
  });

  it('that is down makes every verb say runtime_unavailable, and decides nothing', async () => {
    const spec = specOf('sleep 600');
    await containers.ensure(spec);
    await engine.halt();
    const down = { name: 'LabError', type: 'runtime_unavailable' };
    await expect(containers.ping()).rejects.toMatchObject(down);
    await expect(containers.ensure(spec)).rejects.toMatchObject(down);
    await expect(containers.inspect(spec.name)).rejects.toMatchObject(down);
    await expect(containers.list()).rejects.toMatchObject(down);
    await expect(containers.stop(spec.name, { graceMs: 10 })).rejects.toMatchObject(down);
    await expect(containers.pause(spec.name)).rejects.toMatchObject(down);
    await expect(containers.remove(spec.name)).rejects.toMatchObject(down);
    await expect(containers.readLog(spec.name, {})).rejects.toMatchObject(down);
    await expect(containers.usage(spec.name)).rejects.toMatchObject(down);
    await expect(
      containers.watch(() => undefined, new AbortController().signal),
    ).rejects.toMatchObject(down);
    await engine.start();
    await containers.remove(spec.name);
    expect(await containers.inspect(spec.name)).toBeNull();
  });

  it('that hangs is told from one that answers', async () => {
    engine.freeze();
    try {
      await expect(containers.ping()).rejects.toMatchObject({
        type: 'runtime_unavailable',
        message: expect.stringContaining('no answer in') as string,
      });
    } finally {
      engine.thaw();
    }
    await containers.ping();
  });
});
