import type { Store } from '../ports.ts';
import { readStandings } from './access/standings.ts';
import { advanceApp } from './apps/advance.ts';
import { beginAppLife } from './apps/begin-life.ts';
import { commandApp } from './apps/command.ts';
import { findApp } from './apps/find.ts';
import {
  appFacets,
  listApps,
  listImages,
  listLiveApps,
  tallyApps,
  troubledApps,
} from './apps/list.ts';
import { registerApp, registerApps } from './apps/register.ts';
import { removeApp } from './apps/remove.ts';
import { setAppDetail } from './apps/set-detail.ts';
import { setAppSleepsIn } from './apps/set-sleeps-in.ts';
import { sweepStore } from './sweeps/index.ts';
import { openDatabase, type Database, type DatabaseOptions } from './database.ts';
import * as deviceLogins from './device-logins/device-logins.ts';
import { deploymentStore, foreignIdStore } from './deployments/index.ts';
import { insertEvent } from './events/append.ts';
import { eventChoices, eventsSince, latestEventId, listEvents } from './events/read.ts';
import { readFigures } from './figures/read.ts';
import { declareDead, settleHost, silentHosts } from './hosts/dead.ts';
import { findHost, heartbeat, listHosts } from './hosts/hosts.ts';
import { forgetEvents, forgetOperations } from './history/forget.ts';
import { reportMemory } from './history/memory.ts';
import { readHistory } from './history/read.ts';
import { wakePlaced, wakeReady } from './history/wakes.ts';
import { findInstance, listInstances, settleInstance } from './instances/instances.ts';
import { jobStore } from './jobs/index.ts';
import { jobTypeStore } from './jobs/types.ts';
import { sharedJobStore } from './shared-jobs/index.ts';
import * as links from './links/links.ts';
import { listen } from './listen.ts';
import { listUnfinished } from './operations/unfinished.ts';
import { findOperation } from './operations/find.ts';
import { claimDueEntries, claimEntry, claimNextEntry } from './outbox/claim.ts';
import { dropEntries, entryDelivered, entryPostponed, outboxBacklog } from './outbox/settle.ts';
import { addIdentity } from './people/identity.ts';
import { countOperators, findIdentity, findPerson, listPeople } from './people/find.ts';
import { putPerson } from './people/put.ts';
import * as closing from './routes/close.ts';
import { allRoutes, findRoute, findRouteByAlias } from './routes/find.ts';
import { dropGateways, gatewayGone, gatewaySeen } from './routes/gateways.ts';
import { findSecret, listSecrets, secretsOfApp } from './secrets/find.ts';
import { removeSecret } from './secrets/remove.ts';
import { resealSecret, secretsSealedOtherwise } from './secrets/reseal.ts';
import { setSecret } from './secrets/set.ts';
import { noteSecretUse } from './secrets/use.ts';
import { addLoginLink, useLoginLink } from './sessions/login-links.ts';
import * as sessions from './sessions/sessions.ts';
import * as spaces from './spaces/spaces.ts';
import * as tokens from './tokens/tokens.ts';
import { uploadStore } from './uploads/index.ts';
import { readUse } from './use/read.ts';
import { reportUse } from './use/report.ts';
import { touchUse } from './use/touch.ts';
import { defaultVolumeBytes } from '../../model/volume.ts';
import {
  findVolume,
  findVolumes,
  fullestVolumes,
  listVolumes,
  volumeTotals,
} from './volumes/find.ts';
import { askMeasure, dueVolumes, removalHindered, volumeMeasured } from './volumes/measure.ts';
import { putVolume } from './volumes/put.ts';
import { removeVolume, volumeRemoved } from './volumes/remove.ts';
import { settleVolumes } from './volumes/settle.ts';

/**
 * The store on PostgreSQL 14 or newer. Connects when first used: opening it succeeds with the
 * database down. `maxApps` and `maxVolumes` bound registrations, `volumeMaxBytes` is the limit of a volume
 * that was given none. A host is silent when it was not heard of for `hostSilentMs`.
 */
export async function openPostgresStore(
  options: DatabaseOptions & {
    maxApps?: number;
    maxTokens?: number;
    maxLinks?: number;
    maxVolumes?: number;
    maxQueuedJobs?: number;
    maxUploads?: number;
    maxQueuedJobsPerPerson?: number | null;
    volumeMaxBytes?: number;
    hostSilentMs?: number;
  },
): Promise<Store> {
  const database = openDatabase(options);
  const { maxApps = 10_000, maxTokens = 50, maxLinks = 100, maxVolumes = 10_000 } = options;
  const volumeLimits = {
    maxVolumes,
    volumeMaxBytes: options.volumeMaxBytes ?? defaultVolumeBytes,
  };
  const jobLimits = {
    ...volumeLimits,
    maxQueuedJobs: options.maxQueuedJobs ?? 100_000,
    maxQueuedJobsPerPerson: options.maxQueuedJobsPerPerson ?? null,
    hostSilentMs: options.hostSilentMs ?? 30_000,
  };
  const closed = new AbortController();
  const until = (signal: AbortSignal) => AbortSignal.any([signal, closed.signal]);

  return {
    installation: () => readInstallation(database),
    ping: async () => {
      await database.query('reach the database', 'SELECT 1');
    },
    close: async () => {
      closed.abort();
      await database.close();
    },
    pool: () => database.connections(),
    figures: () => readFigures(database),
    apps: {
      register: (input) => registerApp(database, input, { maxApps, ...volumeLimits }),
      registerAll: (inputs) => registerApps(database, inputs, { maxApps, ...volumeLimits }),
      command: (input) => commandApp(database, input),
      find: (name) => findApp(database, name),
      list: (page) => listApps(database, page),
      images: (limit) => listImages(database, limit),
      tally: (selection) => tallyApps(database, selection),
      facets: (visible) => appFacets(database, visible),
      troubled: (page) => troubledApps(database, page),
      beginLife: (name) => beginAppLife(database, name),
      advance: (name, mark, change) => advanceApp(database, name, mark, change),
      remove: (name, mark, change) => removeApp(database, name, mark, change),
      setDetail: (name, generation, detail) => setAppDetail(database, name, generation, detail),
      setSleepsIn: (name, generation, sleepsInMs) =>
        setAppSleepsIn(database, name, generation, sleepsInMs),
      listLive: (page) => listLiveApps(database, page),
    },
    deployments: deploymentStore(database, { maxApps, ...volumeLimits }),
    foreignIds: foreignIdStore(database),
    jobTypes: jobTypeStore(database),
    sharedJobs: sharedJobStore(database),
    jobs: jobStore(database, jobLimits, until),
    sweeps: sweepStore(database, jobLimits),
    uploads: uploadStore(database, { maxUploads: options.maxUploads ?? 100 }),
    routes: {
      all: () => allRoutes(database),
      find: (app) => findRoute(database, app),
      findAlias: (family, externalId) => findRouteByAlias(database, family, externalId),
      listen: (onChange, signal) =>
        listen(
          database,
          'labkeeper_apps',
          { onConnected: () => onChange(null), onMessage: onChange },
          until(signal),
        ),
      beginClosing: (app, generation, closeId) =>
        closing.beginClosing(database, app, generation, closeId),
      acknowledge: (app, closeId, word) => closing.acknowledge(database, app, closeId, word),
      reopen: (app, closeId) => closing.reopen(database, app, closeId),
      closingProgress: (app, closeId) => closing.closingProgress(database, app, closeId),
      finishClosing: (app, closeId) => closing.finishClosing(database, app, closeId),
      gatewaySeen: (gateway) => gatewaySeen(database, gateway),
      gatewayGone: (id) => gatewayGone(database, id),
      dropGateways: (listener, exceptIds) => dropGateways(database, listener, exceptIds),
    },
    use: {
      report: (gateway, reports) => reportUse(database, gateway, reports),
      touch: (app, reason) => touchUse(database, app, reason),
      read: (app) => readUse(database, app),
    },
    operations: {
      find: (id) => findOperation(database.query, id),
      unfinished: (entity) => listUnfinished(database, entity),
      forget: (olderThanMs, limit) => forgetOperations(database, olderThanMs, limit),
    },
    outbox: {
      claim: (operationId) => claimEntry(database, operationId),
      claimNext: (entity) => claimNextEntry(database, entity),
      claimDue: (limit, holdMs) => claimDueEntries(database, limit, holdMs),
      delivered: (id) => entryDelivered(database, id),
      drop: (entity) => dropEntries(database, entity),
      postponed: (id, error) => entryPostponed(database, id, error),
      backlog: () => outboxBacklog(database),
    },
    events: {
      append: (entity, event) => insertEvent(database.query, entity, event),
      list: (page) => listEvents(database, page),
      choices: (spaces) => eventChoices(database, spaces),
      since: (page) => eventsSince(database, page),
      latestId: () => latestEventId(database),
      forget: (olderThanMs, limit) => forgetEvents(database, olderThanMs, limit),
      listen: (onEvent, signal) =>
        listen(
          database,
          'labkeeper_events',
          { onConnected: onEvent, onMessage: onEvent },
          until(signal),
        ),
    },
    hosts: {
      heartbeat: (host) => heartbeat(database, host),
      find: (name) => findHost(database, name),
      list: () => listHosts(database),
      silent: () => silentHosts(database, jobLimits.hostSilentMs),
      declareDead: (name, cause) => declareDead(database, name, cause, jobLimits.hostSilentMs),
      settle: (name, epoch) => settleHost(database, name, epoch),
    },
    instances: {
      listByHost: (host) => listInstances(database, host),
      find: (instance) => findInstance(database, instance),
      settle: (instance) => settleInstance(database, instance),
    },
    volumes: {
      put: (input) => putVolume(database, input, volumeLimits),
      find: (name) => findVolume(database.query, name),
      findAll: (names) => findVolumes(database.query, names),
      list: (page) => listVolumes(database, page),
      fullest: (page) => fullestVolumes(database, page),
      totals: () => volumeTotals(database),
      settle: (names, host, app) => settleVolumes(database, names, host, app),
      remove: (input) => removeVolume(database, input),
      due: (host, limit) => dueVolumes(database, host, limit),
      askMeasure: (names) => askMeasure(database, names),
      measured: (name, host, found) => volumeMeasured(database, name, host, found),
      removed: (name, host) => volumeRemoved(database, name, host),
      removalHindered: (name, host, hindrance, nextInMs) =>
        removalHindered(database, name, host, hindrance, nextInMs),
    },
    history: {
      wakePlaced: (wake) => wakePlaced(database, wake),
      wakeReady: (wake) => wakeReady(database, wake),
      reportMemory: (samples, ring) => reportMemory(database, samples, ring),
      read: (app, wanted) => readHistory(database, app, wanted),
    },
    people: {
      find: (name) => findPerson(database.query, name),
      list: (page) => listPeople(database, page),
      put: (name, change, by) => putPerson(database, name, change, by),
      findIdentity: (issuer, subject) => findIdentity(database, issuer, subject),
      addIdentity: (identity, by) => addIdentity(database, identity, by),
      countOperators: () => countOperators(database.query),
    },
    spaces: {
      find: (name) => spaces.findSpace(database.query, name),
      list: (page) => spaces.listSpaces(database, page),
      put: (name, change, by) => spaces.putSpace(database, name, change, by),
      remove: (name, by) => spaces.removeSpace(database, name, by),
      members: (space, page) => spaces.listMembers(database, space, page),
      setRole: (space, person, role, by) => spaces.setRole(database, space, person, role, by),
    },
    sessions: {
      open: (input) => sessions.openSession(database, input),
      authenticate: (digest) => sessions.authenticateSession(database, digest),
      list: (person) => sessions.listSessions(database, person),
      end: (person, id, by) => sessions.endSessions(database, person, id, by),
      addLoginLink: (input, by) => addLoginLink(database, input, by),
      useLoginLink: (digest) => useLoginLink(database, digest),
      sweep: (limit) => sessions.sweepSessions(database, limit),
    },
    deviceLogins: {
      add: (input) => deviceLogins.addDeviceLogin(database, input),
      find: (userCode) => deviceLogins.findDeviceLogin(database, userCode),
      confirm: (userCode, person) => deviceLogins.confirmDeviceLogin(database, userCode, person),
      take: (digest) => deviceLogins.takeDeviceLogin(database, digest),
    },
    access: {
      listen: (onChange, signal) =>
        listen(
          database,
          'labkeeper_access',
          { onConnected: onChange, onMessage: onChange },
          until(signal),
        ),
      standings: (questions) => readStandings(database, questions),
    },
    links: {
      add: (input, by) => links.addLink(database, maxLinks, input, by),
      list: (app, limit) => links.listLinks(database, app, limit),
      revoke: (app, id, by) => links.revokeLink(database, app, id, by),
    },
    tokens: {
      add: (input, by) => tokens.addToken(database, maxTokens, input, by),
      authenticate: (id, digest) => tokens.authenticateToken(database, id, digest),
      list: (page) => tokens.listTokens(database, page),
      find: (id) => tokens.findToken(database, id),
      revoke: (id, by) => tokens.revokeToken(database, id, by),
    },
    secrets: {
      list: (page) => listSecrets(database, page),
      find: (key) => findSecret(database, key),
      set: (input) => setSecret(database, input),
      remove: (key, actor) => removeSecret(database, key, actor),
      sealedOtherwise: (keyId, limit) => secretsSealedOtherwise(database, keyId, limit),
      reseal: (key, version, sealed) => resealSecret(database, key, version, sealed),
      noteUse: (instance, uses) => noteSecretUse(database, instance, uses),
      ofApp: (app, instance) => secretsOfApp(database, app, instance),
    },
  };
}

async function readInstallation(database: Database): Promise<string> {
  const [row] = await database.query<{ id: string }>(
    'read which installation this is',
    'SELECT id FROM installation',
  );
  if (row === undefined) throw new Error('the database names no installation: migrate it');
  return row.id;
}
