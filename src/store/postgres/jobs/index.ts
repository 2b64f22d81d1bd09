import type { JobStore } from '../../job-ports.ts';
import type { Database } from '../database.ts';
import { listen } from '../listen.ts';
import { advanceJob, beginJob, leaveQueue, noteEnd } from './advance.ts';
import { cancelJob, removeJob } from './cancel.ts';
import { findJob, listJobs, listLiveJobs, tallyJobs } from './find.ts';
import { grantJobs, isWaiting, planJobs } from './grant.ts';
import { reportProgress, setJobDetail } from './progress.ts';
import { submitJob } from './submit.ts';

/** Jobs on PostgreSQL. */
export function jobStore(
  database: Database,
  limits: { maxQueuedJobs: number },
  until: (signal: AbortSignal) => AbortSignal,
): JobStore {
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
    setDetail: (id, attempt, detail) => setJobDetail(database, id, attempt, detail),
    reportProgress: (reports) => reportProgress(database, reports),
    grant: (rules) => grantJobs(database, rules),
    plan: (rules) => planJobs(database, rules),
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
