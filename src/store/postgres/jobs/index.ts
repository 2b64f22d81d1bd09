import type { JobStore } from '../../job-ports.ts';
import type { Database } from '../database.ts';
import { listen } from '../listen.ts';
import { advanceJob, beginJob, leaveQueue, noteEnd } from './advance.ts';
import { cancelJob, removeJob } from './cancel.ts';
import { findJob, listJobs, listLiveJobs, tallyJobs } from './find.ts';
import { expireJobs } from './expire.ts';
import { forgetJobs, keepsFiles, keepsLogs } from './forget.ts';
import { grantJobs, isWaiting } from './grant.ts';
import { holdJob, holdScope, releaseJob, releaseScope } from './holds.ts';
import { readQueue } from './moment.ts';
import { pickUpJob, recallSilent } from './lose.ts';
import { readMetrics, reportProgress, setJobDetail } from './progress.ts';
import { submitJob, type SubmissionLimits } from './submit.ts';

/** Jobs on PostgreSQL. */
export function jobStore(
  database: Database,
  limits: SubmissionLimits & { hostSilentMs: number },
  until: (signal: AbortSignal) => AbortSignal,
): JobStore {
  const { hostSilentMs } = limits;
  return {
    submit: (input) => submitJob(database, input, limits),
    find: (id) => findJob(database.query, id),
    list: (page) => listJobs(database, page),
    tally: (selection) => tallyJobs(database, selection),
    cancel: (id, cause) => cancelJob(database, id, cause),
    remove: (id, cause) => removeJob(database, id, cause),
    begin: (id) => beginJob(database, id),
    advance: (id, mark, change) => advanceJob(database, id, mark, change),
    leaveQueue: (id, mark, end) => leaveQueue(database, id, mark, end),
    noteEnd: (id, attempt, seen) => noteEnd(database, id, attempt, seen),
    pickUp: (id, attempt, detail) => pickUpJob(database, id, attempt, detail),
    recallSilent: () => recallSilent(database, hostSilentMs),
    setDetail: (id, attempt, detail) => setJobDetail(database, id, attempt, detail),
    reportProgress: (reports, ring) => reportProgress(database, reports, ring),
    forget: (keep, limit) => forgetJobs(database, keep, limit),
    keepsFiles: ({ ids }, keep) => keepsFiles(database.query, ids, keep),
    keepsLogs: ({ numbers }, keep) => keepsLogs(database.query, numbers, keep),
    metrics: (id) => readMetrics(database.query, id),
    holdScope: (scope, cause) => holdScope(database, scope, cause),
    releaseScope: (scope, cause) => releaseScope(database, scope, cause),
    hold: (id, cause) => holdJob(database, id, cause),
    release: (id, cause) => releaseJob(database, id, cause),
    grant: (queueLimits) => grantJobs(database, { ...queueLimits, hostSilentMs }),
    queue: (queueLimits) => readQueue(database, { ...queueLimits, hostSilentMs }),
    expire: () => expireJobs(database),
    isWaiting: () => isWaiting(database),
    listLive: (page) => listLiveJobs(database, page),
    listen: (onChange, signal) =>
      listen(
        database,
        'labkeeper_jobs',
        { onConnected: () => onChange(null), onMessage: onChange },
        until(signal),
      ),
  };
}
