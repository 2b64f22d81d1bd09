import type { AppJson, HostJson, OperationJson, TimelineEventJson } from '../model/api.ts';
import { appBasePath } from '../model/app-spec.ts';
import { explainApp, statusOf } from '../model/app-view.ts';
import { appEntity } from '../model/names.ts';
import { may, type Caller } from '../model/roles.ts';
import type { VolumeJson } from '../model/volume-api.ts';
import { explainVolume, volumeLimitMeaning, volumeStatus } from '../model/volume.ts';
import type { App, Host, Operation, TimelineEvent } from '../store/ports.ts';
import type { Volume } from '../store/volume-ports.ts';
import type { ApiSettings } from './dependencies.ts';

/** An app's row as `caller` may know it: what it wrote before it failed is output. */
export function appFor(caller: Caller, app: App, settings: Parameters<typeof appJson>[1]): AppJson {
  return withoutOutput(caller, appJson(app, settings));
}

/** The same of an app that is presented already. */
export function withoutOutput(caller: Caller, app: AppJson): AppJson {
  if (may(caller, 'app.read-output', app)) return app;
  return { ...app, condition: { ...app.condition, lastLogLines: [] } };
}

/** An app's row with everything there is; answers go by `appFor`. */
export function appJson(
  app: App,
  settings: Pick<ApiSettings, 'appsUrl' | 'temporalUiUrl' | 'temporalNamespace'>,
): AppJson {
  const self = `/api/v1/apps/${app.name}`;
  return {
    name: app.name,
    title: app.spec.title ?? app.name,
    space: app.space,
    owner: app.owner,
    spec: app.spec,
    specRevision: app.specRevision,
    status: statusOf(app.condition),
    explanation: explainApp(app.name, app.condition),
    condition: app.condition,
    url: `${settings.appsUrl}${appBasePath(app.name)}/`,
    links: {
      self,
      events: `${self}/events`,
      logs: `${self}/logs`,
      usage: `${self}/usage`,
      page: `/manage/app/${app.name}`,
      workflow: workflowUrl(app.name, settings),
    },
    createdAt: app.createdAt,
    updatedAt: app.updatedAt,
  };
}

function workflowUrl(
  name: string,
  settings: Pick<ApiSettings, 'temporalUiUrl' | 'temporalNamespace'>,
): string | null {
  if (settings.temporalUiUrl === null) return null;
  const id = encodeURIComponent(appEntity(name));
  return `${settings.temporalUiUrl}/namespaces/${settings.temporalNamespace}/workflows/${id}`;
}

/** An operation as the API answers it. */
export function operationJson(operation: Operation): OperationJson {
  const { id, entity, verb, state, actor, why, detail, createdAt, finishedAt } = operation;
  const [kind, name] = entity.split('/', 2);
  return {
    id,
    entity,
    verb,
    state,
    actor,
    why,
    detail,
    createdAt,
    finishedAt,
    links: { self: operationUrl(id), entity: `/api/v1/${kind}s/${name}` },
  };
}

const operationUrl = (id: string): string => `/api/v1/operations/${encodeURIComponent(id)}`;

/** A timeline's line as the API answers `caller`, without output that they may not read. */
export function eventFor(caller: Caller, event: TimelineEvent): TimelineEventJson {
  const { id, entity, at, actor, what, why, data, space } = event;
  const { lastLogLines, ...known } = data;
  const subject = space === null ? null : { space, owner: null };
  const isOpen = lastLogLines === undefined || may(caller, 'app.read-output', subject);
  return { id, entity, at, actor, what, why, data: isOpen ? data : known };
}

/** Agents say hello every few seconds; silence beyond this shows as offline. */
const onlineWithinMs = 30_000;

/** A host's row as the API answers it. The address of its agent is nobody's business. */
export function hostJson(host: Host): HostJson {
  return {
    name: host.name,
    online: host.seenAgoMs < onlineWithinMs,
    seenAgoMs: Math.round(host.seenAgoMs),
    runtimes: host.runtimes.map(({ kind, ready, reason }) => ({ kind, ready, reason })),
    storage: host.storage,
    cpus: host.cpus,
    memoryBytes: host.memoryBytes,
  };
}

/** A volume's row as the API answers it. */
export function volumeJson(volume: Volume): VolumeJson {
  const { name } = volume;
  const self = `/api/v1/volumes/${name}`;
  return {
    name,
    title: volume.title ?? name,
    space: volume.space,
    owner: volume.owner,
    host: volume.host,
    status: volumeStatus(volume),
    explanation: explainVolume(name, volume),
    maxBytes: volume.maxBytes,
    limitMeaning: volumeLimitMeaning,
    measured: volume.measured,
    hindrance: volume.hindrance,
    apps: volume.apps,
    createdAt: volume.createdAt,
    deletedAt: volume.deletedAt,
    links: {
      self,
      archive: `${self}/archive`,
      events: `${self}/events`,
      page: `/manage/volume/${name}`,
    },
  };
}
