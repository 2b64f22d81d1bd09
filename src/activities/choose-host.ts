import { runtimeKindOf, type AppSpec } from '../model/app-spec.ts';
import { LabError } from '../model/failures.ts';
import { durationInWords } from '../model/in-words.ts';
import { fullVolume } from '../model/volume.ts';
import type { Host } from '../store/ports.ts';
import type { Volume } from '../store/volume-ports.ts';

/** A host that was not heard for this long gets no new work. */
const silentAfterMs = 30_000;

type Choice =
  | { outcome: 'placed'; host: string }
  | { outcome: 'refused'; reason: string }
  /** The one host that could run it was not heard of for a while: it may come back. */
  | { outcome: 'away'; reason: string };

/**
 * Where an app starts: on the host that holds its volumes or its frozen instance, else where there is most room.
 * Throws `host_unreachable`, which is retried, while no host at all is heard.
 */
export function chooseHost(
  hosts: readonly Host[],
  spec: AppSpec,
  holding: { frozenOn: string | null; volumes: readonly Volume[] },
): Choice {
  const { frozenOn, volumes } = holding;
  const reason = refusalByVolumes(spec, volumes);
  if (reason !== null) return { outcome: 'refused', reason };
  const held = volumes.find(({ host }) => host !== null);
  if (held === undefined || held.host === null) return chooseAmong(hosts, spec, frozenOn);
  const because = `volume ${held.name} lives on ${held.host}, and the app starts only there`;
  const holder = hosts.find(({ name }) => name === held.host);
  if (holder === undefined || holder.seenAgoMs >= silentAfterMs) {
    const silence =
      holder === undefined
        ? 'that host has not joined'
        : `that host was not heard of for ${durationInWords(holder.seenAgoMs)}`;
    return { outcome: 'away', reason: `${because}; ${silence}` };
  }
  const choice = chooseAmong([holder], spec, frozenOn);
  if (choice.outcome === 'placed') return choice;
  return { outcome: 'refused', reason: `${because}; ${choice.reason}` };
}

/** Null when its volumes let the app start somewhere. */
function refusalByVolumes(spec: AppSpec, volumes: readonly Volume[]): string | null {
  for (const mount of spec.volumes) {
    const volume = volumes.find(({ name }) => name === mount.volume);
    if (volume === undefined) return `volume ${mount.volume} is not there`;
    if (volume.deletedAt !== null) return `volume ${mount.volume} is being removed`;
    // A process is only asked not to write.
    const cannotWrite = mount.readOnly && runtimeKindOf(spec) === 'docker';
    const full = cannotWrite ? null : fullVolume(volume.name, volume);
    if (full !== null) return full;
  }
  const homes = volumes.filter(({ host }) => host !== null);
  if (new Set(homes.map(({ host }) => host)).size <= 1) return null;
  const places = homes.map(({ name, host }) => `${name} on ${host}`).join(', ');
  return `its volumes live on different hosts (${places}), and an app starts on one`;
}

function chooseAmong(
  hosts: readonly Host[],
  spec: AppSpec,
  frozenOn: string | null,
): Exclude<Choice, { outcome: 'away' }> {
  const kind = runtimeKindOf(spec);
  const heard = hosts.filter((host) => host.seenAgoMs < silentAfterMs);
  const can = (test: (runtime: Host['runtimes'][number]) => boolean) =>
    heard.filter((host) => host.runtimes.some((runtime) => runtime.kind === kind && test(runtime)));
  const ready = can((runtime) => runtime.ready);
  // An engine that is set up and does not answer comes back: its start waits there and says so.
  const able = ready.length > 0 ? ready : can((runtime) => runtime.missing !== true);
  const roomy = able.filter((host) => host.storage.state !== 'full');
  const frozen = roomy.find((host) => host.name === frozenOn);
  const chosen =
    frozen ?? roomy.toSorted((left, right) => right.storage.freeBytes - left.storage.freeBytes)[0];
  if (chosen) return { outcome: 'placed', host: chosen.name };
  if (hosts.length === 0) throw new LabError('host_unreachable', 'no host has joined yet');
  if (heard.length === 0) {
    throw new LabError('host_unreachable', 'no host was heard from in the last 30 s');
  }
  if (able.length > 0) {
    return { outcome: 'refused', reason: 'every host that could run it has a full disk' };
  }
  const reasons = heard.flatMap((host) =>
    host.runtimes
      .filter((runtime) => runtime.kind === kind)
      .map((runtime) => `${host.name}: ${runtime.reason ?? 'not ready'}`),
  );
  return {
    outcome: 'refused',
    reason: `no host runs ${kind === 'docker' ? 'containers' : 'commands'} (${reasons.join('; ') || 'not set up on any host'})`,
  };
}
