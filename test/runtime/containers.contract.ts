import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Containers, Instance, InstanceSpec, Mount } from '../../src/runtime/containers.ts';
import { LabError } from '../../src/model/failures.ts';
import { labels } from '../../src/model/instance-labels.ts';
import { eventually } from '../beds/eventually.ts';

/** One adapter on its real engine. */
export interface ContainersBed {
  containers: Containers;
  installation: string;
  /** A second adapter object over the same engine, as a new worker would make. */
  again(): Containers;
  /** The adapter of another installation on the same engine. */
  stranger(): Containers;
  /** An adapter whose engine is not there. */
  broken(): Containers;
  /** What runs a shell script, and what serves HTTP on its port. */
  shell: (script: string) => Partial<InstanceSpec>;
  web: Partial<InstanceSpec>;
  close(): Promise<void>;
}

export interface ContainersFacts {
  /** Memory and process limits hold. */
  limitsEnforced: boolean;
  /** A read-only mount cannot be written to. */
  readOnlyEnforced: boolean;
  /** A command that is not there is refused at once, or exits with 127 (shells have it so). */
  missingCommand: 'refused' | 'exits';
}

const MiB = 1024 * 1024;

/** Every sentence of the port, on a real engine. */
export function describeContainers(
  title: string,
  open: () => Promise<ContainersBed>,
  facts: ContainersFacts,
): void {
  describe(title, () => {
    let bed: ContainersBed;
    let containers: Containers;
    const used = new Set<string>();

    beforeAll(async () => {
      bed = await open();
      ({ containers } = bed);
    });

    afterAll(async () => {
      for (const name of used) await containers.remove(name);
      await bed.close();
    });

    function specOf(parts: Partial<InstanceSpec>): InstanceSpec {
      const name = `app-${randomUUID().slice(0, 8)}-1`;
      used.add(name);
      return {
        name,
        labels: { [labels.installation]: bed.installation, [labels.entity]: 'app/test' },
        basePath: '/app/test',
        port: 8080,
        environment: (port) => ({ PORT: String(port) }),
        limits: { cpus: 1, memoryBytes: 256 * MiB, pids: 64 },
        log: { maxBytes: 64 * 1024, files: 3 },
        ...parts,
      };
    }

    const run = (script: string, parts: Partial<InstanceSpec> = {}) => {
      const spec = specOf({ ...bed.shell(script), ...parts });
      return containers.ensure(spec).then((instance) => ({ spec, name: spec.name, instance }));
    };

    const exited = (name: string) =>
      eventually(async () => {
        const instance = await containers.inspect(name);
        expect(instance?.phase).toBe('exited');
        return instance as Instance;
      });

    const logOf = async (name: string, range = {}) =>
      Buffer.from((await containers.readLog(name, range)).bytes).toString();

    describe('ping', () => {
      it('resolves while the engine answers', async () => {
        await containers.ping();
      });

      it('says runtime_unavailable and the remedy when the engine is not there', async () => {
        await expect(bed.broken().ping()).rejects.toMatchObject({
          name: 'LabError',
          type: 'runtime_unavailable',
          message: expect.stringMatching(/^cannot .+\. \w+|^cannot .+: /) as string,
        });
      });
    });

    describe('ensure', () => {
      it('starts what is not there and gives the address it serves on', async () => {
        const spec = specOf(bed.web);
        const instance = await containers.ensure(spec);
        expect(instance).toMatchObject({ name: spec.name, phase: 'running', exit: null });
        expect(instance.startedAtMs).toBeGreaterThan(Date.now() - 600_000);
        await eventually(async () => {
          const { host, port } = instance.address ?? { host: '', port: 0 };
          const signal = AbortSignal.timeout(1_000);
          const answer = await fetch(`http://${host}:${port}/health`, { signal });
          expect(answer.status).toBe(200);
        });
      });

      it('adopts the one that has the name, without a second start', async () => {
        const { spec, instance } = await run(`echo once; exec sleep ${marker()}`);
        const adopted = await bed.again().ensure(spec);
        expect(adopted).toEqual(instance);
        await eventually(async () => expect(await logOf(spec.name)).toBe('once\n'));
      });

      it('makes one instance when called many times at once', async () => {
        const mark = marker();
        const spec = specOf(bed.shell(`sleep ${mark}`));
        const adapters = [containers, bed.again(), bed.again()];
        const made = await Promise.all(
          [...adapters, ...adapters].map((adapter) => adapter.ensure(spec)),
        );
        expect(new Set(made.map((instance) => instance.address?.port)).size).toBe(1);
        await eventually(() => expect(running(mark).length).toBeGreaterThan(0));
        const commands = running(mark).filter((line) => line.startsWith(`sleep ${mark}`));
        expect(commands).toHaveLength(1);
      });

      it('never starts again what has exited', async () => {
        const { spec } = await run('echo ran; exit 4');
        await exited(spec.name);
        const again = await containers.ensure(spec);
        expect(again).toMatchObject({ phase: 'exited', address: null, exit: { exitCode: 4 } });
        expect(await logOf(spec.name)).toBe('ran\n');
      });

      it('gives the environment for the port, and {port} and {base} in arguments', async () => {
        const { name, instance } = await run('echo "$PORT {port} {base} $GREETING"', {
          environment: (port) => ({ PORT: String(port), GREETING: 'a "b" $c' }),
        });
        await exited(name);
        const [port, argument, base, ...greeting] = (await logOf(name)).trim().split(' ');
        expect(port).toBe(argument);
        if (containers.kind === 'process')
          expect(Number(port)).toBe(instance.address?.port ?? Number(port));
        expect(base).toBe('/app/test');
        expect(greeting.join(' ')).toBe('a "b" $c');
      });

      it('gives secrets on top of the environment, asked for once it makes something', async () => {
        const asked: string[] = [];
        const secrets = async () => {
          asked.push('now');
          return { TOKEN: 'two\nlines "quoted" ü', GREETING: 'secret' };
        };
        const script = 'printf "%s|%s\\n" "$TOKEN" "$GREETING"; sleep 600';
        const environment = () => ({ GREETING: 'plain' });
        const { spec, name } = await run(script, { environment, secrets });
        await eventually(async () =>
          expect(await logOf(name)).toBe('two\nlines "quoted" ü|secret\n'),
        );
        await containers.pause(name);
        await containers.ensure(spec);
        await bed.again().ensure(spec);
        expect(asked).toEqual(['now']);
      });

      it('leaves nothing when a secret cannot be had, and passes on why', async () => {
        const missing = new LabError('secret_unavailable', 'there is no token');
        const spec = specOf({
          ...bed.shell('sleep 600'),
          secrets: () => Promise.reject(missing),
        });
        await expect(containers.ensure(spec)).rejects.toBe(missing);
        expect(await containers.inspect(spec.name)).toBeNull();
      });

      it('hands nothing of its own environment on', async () => {
        process.env['LABKEEPER_CANARY'] = 'canary-value';
        try {
          const { name } = await run('env');
          await exited(name);
          expect(await logOf(name)).not.toContain('canary-value');
        } finally {
          delete process.env['LABKEEPER_CANARY'];
        }
      });

      it('starts the command in the working directory', async () => {
        const { name } = await run('pwd', { workingDirectory: '/etc' });
        await exited(name);
        expect(await logOf(name)).toBe('/etc\n');
      });

      it('gives up before it starts when it is canceled', async () => {
        const spec = specOf(bed.shell('sleep 1'));
        const signal = AbortSignal.abort(new Error('enough'));
        await expect(containers.ensure(spec, { signal })).rejects.toThrow('enough');
        expect(await containers.inspect(spec.name)).toBeNull();
      });

      it('tells what is wrong with a command that is not there', async () => {
        const spec = specOf({ ...bed.shell(''), command: ['no-such-command-at-all'] });
        if (facts.missingCommand === 'refused') {
          await expect(containers.ensure(spec)).rejects.toMatchObject({
            type: 'start_refused',
            message: expect.stringContaining('no-such-command-at-all') as string,
          });
          expect(await containers.inspect(spec.name)).toBeNull();
        } else {
          await containers.ensure(spec);
          expect((await exited(spec.name)).exit).toMatchObject({ exitCode: 127 });
          expect(await logOf(spec.name)).toContain('no-such-command-at-all');
          expect(await containers.commandRefusal(spec.name)).toBe(
            'cannot run no-such-command-at-all: No such file or directory',
          );
        }
      });

      it('tells a command that is not there from a script that misses one', async () => {
        const spec = specOf(bed.shell('no-such-command-at-all'));
        await containers.ensure(spec);
        expect((await exited(spec.name)).exit).toMatchObject({ exitCode: 127 });
        expect(await containers.commandRefusal(spec.name)).toBeNull();
      });

      it('refuses a working directory that is not there or makes it', async () => {
        const spec = specOf({ ...bed.shell('pwd'), workingDirectory: '/nowhere/at/all' });
        if (containers.kind === 'process') {
          await expect(containers.ensure(spec)).rejects.toMatchObject({
            type: 'start_refused',
            message: expect.stringContaining('/nowhere/at/all') as string,
          });
        } else {
          await containers.ensure(spec);
          await exited(spec.name);
          expect(await logOf(spec.name)).toBe('/nowhere/at/all\n');
        }
      });
    });

    describe('inspect and list', () => {
      it('says null for what is not there', async () => {
        expect(await containers.inspect('app-absent-1')).toBeNull();
      });

      it('finds instances with their labels through a new adapter object', async () => {
        const { name } = await run(`sleep ${marker()}`, {
          labels: { [labels.entity]: 'app/found', [labels.generation]: '7' },
        });
        const { name: over } = await run('exit 0');
        await exited(over);
        const found = await bed.again().list();
        expect(found.find((instance) => instance.name === name)).toMatchObject({
          phase: 'running',
          labels: { [labels.entity]: 'app/found', [labels.generation]: '7' },
        });
        expect(found.find((instance) => instance.name === over)).toMatchObject({ phase: 'exited' });
      });

      it('keeps installations apart', async () => {
        const { name } = await run(`sleep ${marker()}`);
        const names = (await bed.stranger().list()).map((instance) => instance.name);
        expect(names).not.toContain(name);
      });

      it('tells exit code and signal apart', async () => {
        const { name: code } = await run('exit 3');
        const { name: signal } = await run('kill -9 $$');
        expect((await exited(code)).exit).toEqual({
          exitCode: 3,
          signal: null,
          outOfMemory: false,
        });
        expect((await exited(signal)).exit).toEqual({
          exitCode: null,
          signal: 'SIGKILL',
          outOfMemory: false,
        });
      });
    });

    describe('stop', () => {
      it('says null for what is not there', async () => {
        expect(await containers.stop('app-absent-1', { graceMs: 10 })).toBeNull();
      });

      it('lets the command end by itself on SIGTERM', async () => {
        const { name } = await run(
          "trap 'echo bye; exit 6' TERM; echo up; while :; do sleep 0.05; done",
        );
        await eventually(async () => expect(await logOf(name)).toBe('up\n'));
        const kills: string[] = [];
        const onKill = () => kills.push('killed');
        const exit = await containers.stop(name, { graceMs: 20_000, onKill });
        expect(exit).toEqual({ exitCode: 6, signal: null, outOfMemory: false });
        expect(kills).toEqual([]);
        // A shell may tell of the child that the signal ended too.
        expect(await logOf(name)).toMatch(/^up\n(.*\n)?bye\n$/);
      });

      it('kills what ignores SIGTERM when the grace is over', async () => {
        const { name } = await run("trap '' TERM; echo up; while :; do sleep 0.05; done");
        await eventually(async () => expect(await logOf(name)).toBe('up\n'));
        const seen: Promise<Instance | null>[] = [];
        const onKill = () => seen.push(containers.inspect(name));
        const exit = await containers.stop(name, { graceMs: 200, onKill });
        expect(exit).toEqual({ exitCode: null, signal: 'SIGKILL', outOfMemory: false });
        expect(seen).toHaveLength(1);
        expect(await containers.inspect(name)).toMatchObject({ phase: 'exited', address: null });
      });

      it('leaves nothing of the tree, double forks and own sessions included', async () => {
        const mark = marker();
        const { name } = await run(
          `(setsid sh -c 'trap "" TERM HUP; sleep ${mark}; sleep ${mark}' &) & (sleep ${mark} &) ; sleep ${mark}`,
        );
        await eventually(() => expect(running(mark).length).toBeGreaterThanOrEqual(3));
        await containers.stop(name, { graceMs: 500 });
        expect(running(mark)).toEqual([]);
      });

      it('tells of SIGKILL at once where there is no grace', async () => {
        const { name } = await run('sleep 600');
        let kills = 0;
        const exit = await containers.stop(name, { graceMs: 0, onKill: () => (kills += 1) });
        expect([exit?.signal, kills]).toEqual(['SIGKILL', 1]);
        await containers.stop(name, { graceMs: 0, onKill: () => (kills += 1) });
        expect(kills).toBe(1);
      });

      it('ends what the command leaves behind when it exits by itself', async () => {
        const mark = marker();
        const { name } = await run(`(setsid sleep ${mark} &) ; echo left; exit 0`);
        await exited(name);
        await eventually(() => expect(running(mark)).toEqual([]));
      });

      it('can be repeated and called at once, with the same answer', async () => {
        const { name } = await run('sleep 600');
        const stops = await Promise.all(
          [1, 2, 3].map(() => containers.stop(name, { graceMs: 5_000 })),
        );
        const last = await containers.stop(name, { graceMs: 5_000 });
        for (const exit of stops) expect(exit).toEqual(last);
        expect(last?.signal).toBe('SIGTERM');
      });
    });

    describe('pause', () => {
      it('freezes with memory, and ensure goes on where it was', async () => {
        const { spec, name } = await run('n=0; while :; do n=$((n+1)); echo $n; sleep 0.02; done');
        await eventually(async () =>
          expect((await logOf(name)).split('\n').length).toBeGreaterThan(4),
        );
        await containers.pause(name);
        await containers.pause(name);
        const frozen = await containers.inspect(name);
        expect(frozen?.phase).toBe('paused');
        expect(frozen?.address).not.toBeNull();
        const before = await settledLog(name);
        const resumed = await containers.ensure(spec);
        expect(resumed.phase).toBe('running');
        const after = await eventually(async () => {
          const text = await logOf(name);
          expect(text.length).toBeGreaterThan(before.length);
          return text;
        });
        const numbers = after.trim().split('\n').map(Number);
        expect(numbers).toEqual(numbers.map((_number, index) => index + 1));
      });

      it('stops what is frozen', async () => {
        const mark = marker();
        const { name } = await run(`sleep ${mark}`);
        await containers.pause(name);
        const exit = await containers.stop(name, { graceMs: 5_000 });
        expect(exit?.signal).toMatch(/^SIG(TERM|KILL)$/);
        expect(running(mark)).toEqual([]);
      });

      it('succeeds for what is over or absent', async () => {
        const { name } = await run('exit 0');
        await exited(name);
        await containers.pause(name);
        await containers.pause('app-absent-1');
        expect((await containers.inspect(name))?.phase).toBe('exited');
      });

      /** The text once two reads agree: what was on its way has come. */
      async function settledLog(name: string): Promise<string> {
        let last = await logOf(name);
        return eventually(
          async () => {
            const now = await logOf(name);
            const same = now === last;
            last = now;
            expect(same).toBe(true);
            return now;
          },
          { intervalMs: 100 },
        );
      }
    });

    describe('remove', () => {
      it('ends and forgets it, and keeps its log until that is forgotten', async () => {
        const mark = marker();
        const { name } = await run(`echo last words; sleep ${mark}`);
        await eventually(async () => expect(await logOf(name)).toBe('last words\n'));
        await containers.remove(name);
        expect(running(mark)).toEqual([]);
        expect(await containers.inspect(name)).toBeNull();
        expect((await containers.list()).some((instance) => instance.name === name)).toBe(false);
        expect(await bed.again().readLog(name, {})).toMatchObject({ fromByte: 0, complete: true });
        expect(await logOf(name)).toBe('last words\n');
        expect(await containers.listLogs()).toContain(name);
        await containers.forgetLog(name);
        expect(await logOf(name)).toBe('');
        expect(await containers.listLogs()).not.toContain(name);
      });

      it('succeeds when absent, many times at once', async () => {
        await containers.remove('app-absent-1');
        await containers.forgetLog('app-absent-1');
        const { name } = await run('sleep 600');
        await Promise.all([containers.remove(name), bed.again().remove(name)]);
        expect(await containers.inspect(name)).toBeNull();
      });
    });

    describe('mounts', () => {
      let folder: string;
      beforeAll(() => {
        folder = mkdtempSync(join(tmpdir(), 'labkeeper-mount-'));
      });
      afterAll(() => rmSync(folder, { recursive: true }));

      const mount = (parts: Partial<Mount> = {}): Pick<InstanceSpec, 'mounts'> => ({
        mounts: [{ volume: 'lab-data', source: folder, path: '/kept', readOnly: false, ...parts }],
      });

      it('are told by variable and placeholder, and what is written there outlives the instance', async () => {
        const script = 'echo kept > {volume:lab-data}/note; echo "$LABKEEPER_VOLUME_LAB_DATA"';
        const { name } = await run(script, mount());
        await exited(name);
        const [told = ''] = (await logOf(name)).trim().split('\n');
        expect([folder, '/kept']).toContain(told);
        await containers.remove(name);
        expect(readFileSync(join(folder, 'note'), 'utf8')).toBe('kept\n');
        const next = await run('cat "$LABKEEPER_VOLUME_LAB_DATA/note"', mount());
        await exited(next.name);
        expect(await logOf(next.name)).toBe('kept\n');
      });

      it('are the same folder for two at once', async () => {
        const wait = 'until [ -e {volume:lab-data}/first ]; do sleep 0.05; done; echo seen';
        const waits = await run(wait, mount());
        const writes = await run('echo > {volume:lab-data}/first', mount());
        await exited(waits.name);
        await exited(writes.name);
        expect(await logOf(waits.name)).toBe('seen\n');
      });

      it('leave what an app itself says of such a variable, and placeholders of nothing', async () => {
        const { name } = await run('echo "$LABKEEPER_VOLUME_LAB_DATA" "{volume:constructor}"', {
          ...mount(),
          environment: () => ({ LABKEEPER_VOLUME_LAB_DATA: 'mine' }),
        });
        await exited(name);
        expect(await logOf(name)).toBe('mine {volume:constructor}\n');
      });

      it('that are read-only can be read, and written only where there are no mounts', async () => {
        writeFileSync(join(folder, 'given'), 'read me\n');
        const kept = facts.readOnlyEnforced ? '/kept' : folder;
        const script = `cat ${kept}/given; echo x > ${kept}/given || echo refused`;
        const { name } = await run(script, mount({ readOnly: true }));
        await exited(name);
        const said = (await logOf(name)).replace(/^.*Read-only.*\n/im, '');
        expect([said, readFileSync(join(folder, 'given'), 'utf8')]).toEqual(
          facts.readOnlyEnforced ? ['read me\nrefused\n', 'read me\n'] : ['read me\n', 'x\n'],
        );
      });

      it('refuse to start without their folder, and make none', async () => {
        const source = join(folder, 'never-made');
        const spec = specOf({ ...bed.shell('true'), ...mount({ source }) });
        await expect(containers.ensure(spec)).rejects.toMatchObject({
          type: 'start_refused',
          message: expect.stringContaining(source) as string,
        });
        expect(readdirSync(folder)).not.toContain('never-made');
        expect(await containers.inspect(spec.name)).toBeNull();
      });
    });

    describe('what serves nothing and finds folders of its host', () => {
      let folder: string;
      beforeAll(() => {
        folder = mkdtempSync(join(tmpdir(), 'labkeeper-folder-'));
      });
      afterAll(() => rmSync(folder, { recursive: true }));
      /** Where the folder is for the command. */
      const here = () => (containers.kind === 'process' ? folder : '/job');
      const runJob = async (script: string) => {
        const { port: _none, ...spec } = specOf({
          ...bed.shell(script),
          basePath: '',
          folders: [{ source: folder, path: '/job' }],
        });
        return { name: spec.name, instance: await containers.ensure(spec) };
      };

      it('starts without a port, and has no doors where a port would be a choice', async () => {
        const { name, instance } = await runJob('sleep 600');
        expect(instance.phase).toBe('running');
        if (containers.kind === 'docker') {
          expect(instance).toMatchObject({ address: null, doors: [] });
        }
        expect(await containers.usage(name)).not.toBeNull();
        expect((await containers.stop(name, { graceMs: 5_000 }))?.signal).toBe('SIGTERM');
        expect(await bed.again().inspect(name)).toMatchObject({ phase: 'exited', address: null });
      });

      it('reads and writes there, and what it writes stays when it is removed', async () => {
        writeFileSync(join(folder, 'config'), 'seven\n');
        const { name } = await runJob(`cat ${here()}/config; echo 42 > ${here()}/result`);
        await exited(name);
        expect(await logOf(name)).toBe('seven\n');
        await containers.remove(name);
        expect(readFileSync(join(folder, 'result'), 'utf8')).toBe('42\n');
        const next = await runJob(`cat ${here()}/result`);
        await exited(next.name);
        expect(await logOf(next.name)).toBe('42\n');
      });

      it('is told of no volume, and sees nothing else of its host where it is a container', async () => {
        const { name } = await runJob(
          `env | grep -c LABKEEPER_VOLUME; ls ${folder} 2>/dev/null | wc -l`,
        );
        await exited(name);
        const [volumes, files] = (await logOf(name))
          .trim()
          .split('\n')
          .map((line) => line.trim());
        expect(volumes).toBe('0');
        if (containers.kind === 'docker') expect(files).not.toBe('2');
      });
    });

    describe('readLog', () => {
      it('is empty and complete for what is not there', async () => {
        expect(await containers.readLog('app-absent-1', {})).toEqual({
          fromByte: 0,
          bytes: expect.objectContaining({ length: 0 }) as Uint8Array,
          nextByte: 0,
          complete: true,
        });
      });

      it('holds both streams, in the order they came', async () => {
        const { name } = await run(
          'for i in 1 2 3; do echo out $i; sleep 0.1; echo err $i >&2; sleep 0.1; done',
        );
        await exited(name);
        expect(await logOf(name)).toBe('out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n');
      });

      it('keeps every byte as it was written', async () => {
        const { name } = await run("printf 'a\\377\\000\\200\\015b'");
        await exited(name);
        const { bytes } = await containers.readLog(name, {});
        expect([...bytes]).toEqual([0x61, 0xff, 0x00, 0x80, 0x0d, 0x62]);
      });

      it('reads a tail cut at a line start, and ranges', async () => {
        const { name } = await run('echo first line; echo second line; echo third');
        await exited(name);
        const whole = 'first line\nsecond line\nthird\n';
        expect(await logOf(name, { tailBytes: 12 })).toBe('third\n');
        expect(await logOf(name, { tailBytes: 6 })).toBe('third\n');
        expect(await logOf(name, { tailBytes: 18 })).toBe('second line\nthird\n');
        expect(await logOf(name, { tailBytes: 1_000 })).toBe(whole);
        const middle = await containers.readLog(name, { fromByte: 6, maxBytes: 4 });
        expect(middle).toMatchObject({ fromByte: 6, nextByte: 10, complete: false });
        expect(Buffer.from(middle.bytes).toString()).toBe('line');
        const end = await containers.readLog(name, { fromByte: whole.length });
        expect(end).toMatchObject({ nextByte: whole.length, complete: true });
        expect(end.bytes).toHaveLength(0);
      });

      it('can be followed from where the last read ended', async () => {
        const { name } = await run(
          'i=0; while [ $i -lt 60 ]; do i=$((i+1)); echo $i; sleep 0.02; done',
        );
        let text = '';
        let at = 0;
        let complete = false;
        await eventually(
          async () => {
            const part = await containers.readLog(name, { fromByte: at, maxBytes: 50 });
            expect(part.fromByte).toBe(at);
            text += Buffer.from(part.bytes).toString();
            at = part.nextByte;
            complete = part.complete;
            expect(complete).toBe(true);
          },
          { deadlineMs: 30_000 },
        );
        const numbers = text.trim().split('\n').map(Number);
        expect(numbers).toEqual(Array.from({ length: 60 }, (_value, index) => index + 1));
      });

      it('stays bounded, newest lines kept, offsets true', async () => {
        const { name } = await run(
          'i=0; while [ $i -lt 4000 ]; do i=$((i+1)); echo line $i; done',
          { log: { maxBytes: 8_192, files: 2 } },
        );
        await exited(name);
        const kept = await containers.readLog(name, {});
        expect(kept.bytes.length).toBeGreaterThan(4_096);
        expect(kept.bytes.length).toBeLessThanOrEqual(2 * 8_192);
        expect(kept.nextByte - kept.fromByte).toBe(kept.bytes.length);
        const text = Buffer.from(kept.bytes).toString();
        expect(text.endsWith('line 3999\nline 4000\n')).toBe(true);
        const again = await containers.readLog(name, {
          fromByte: kept.fromByte + 100,
          maxBytes: 60,
        });
        expect(Buffer.from(again.bytes).toString()).toBe(text.slice(100, 160));
      });
    });

    describe('usage', () => {
      it('measures what runs', async () => {
        const { name } = await run('while :; do :; done');
        const usage = await containers.usage(name);
        expect(usage?.pids).toBeGreaterThanOrEqual(1);
        expect(usage?.memoryBytes).toBeGreaterThan(0);
        expect(usage?.memoryLimitBytes).toBe(256 * MiB);
        expect(await containers.memory(name)).toBeGreaterThan(0);
        await eventually(async () => {
          expect((await containers.usage(name))?.cpus).toBeGreaterThan(0.05);
        });
      });

      it('is null for what does not run', async () => {
        const { name } = await run('exit 0');
        await exited(name);
        expect(await containers.usage(name)).toBeNull();
        expect(await containers.usage('app-absent-1')).toBeNull();
        expect(await containers.memory(name)).toBeNull();
        expect(await containers.memory('app-absent-1')).toBeNull();
      });
    });

    describe('watch', () => {
      it('tells exits with how they ended, and ends when it is told to', async () => {
        const seen = new Map<string, Instance>();
        const stopping = new AbortController();
        const watching = containers.watch(
          (instance) => seen.set(instance.name, instance),
          stopping.signal,
        );
        const ended = watching.catch((error: unknown) => error);
        // The watch is on when an exit comes through; only then do the others count.
        await eventually(async () => {
          const { name } = await run('exit 0');
          await eventually(() => expect(seen.has(name)).toBe(true), { deadlineMs: 3_000 });
        });
        const { name: failed } = await run('sleep 0.2; exit 9', {
          labels: { [labels.entity]: 'app/watched', [labels.generation]: '3' },
        });
        const { name: stopped } = await run('sleep 600');
        await containers.stop(stopped, { graceMs: 5_000 });
        await eventually(() => {
          expect(seen.get(failed)).toMatchObject({
            phase: 'exited',
            exit: { exitCode: 9, signal: null },
            labels: { [labels.entity]: 'app/watched', [labels.generation]: '3' },
          });
          expect(seen.get(stopped)?.exit).toMatchObject({ signal: 'SIGTERM' });
        });
        stopping.abort();
        expect(await ended).toBeUndefined();
      });
    });

    describe.runIf(facts.limitsEnforced)('limits', () => {
      it('kills a memory hog and says that memory was the reason', async () => {
        const { name } = await run('x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done', {
          limits: { cpus: 1, memoryBytes: 32 * MiB, pids: 32 },
        });
        expect((await exited(name)).exit).toEqual({
          exitCode: null,
          signal: 'SIGKILL',
          outOfMemory: true,
        });
      });

      it('contains a fork bomb, which stop ends', async () => {
        const mark = marker();
        // A shell that cannot fork ends: the bomb is a shell of its own, and the first waits.
        const { name } = await run(
          `sleep ${mark} & (while :; do sleep ${mark} & done) 2>/dev/null; wait`,
          {
            limits: { cpus: 1, memoryBytes: 128 * MiB, pids: 24 },
          },
        );
        await eventually(() => expect(running(mark).length).toBeGreaterThan(5), {
          deadlineMs: 40_000,
        });
        for (let look = 0; look < 5; look += 1) {
          const usage = await containers.usage(name);
          // The init process of a container is one more.
          expect(usage?.pids ?? 0).toBeLessThanOrEqual(25);
        }
        await containers.stop(name, { graceMs: 100 });
        expect(running(mark)).toEqual([]);
      });
    });
  });
}

/** A number of seconds that nobody else sleeps, to find a command by on the whole machine. */
const marker = (): string => String(randomInt(1_000_000_000, 2_000_000_000));

/** Command lines of running processes that name the marker. */
function running(mark: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ').trim();
      return line.includes(mark) && !line.includes('docker') ? [line] : [];
    } catch (error) {
      // It ended between the two looks.
      if (error instanceof Error) return [];
      throw error;
    }
  });
}
