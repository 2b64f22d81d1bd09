import type { JobJson } from '../model/job-api.ts';
import { findJob } from './entity-argument.ts';
import { exitCodes } from './exit-codes.ts';
import { jobOutcomeLine, waitForJob } from './job-wait.ts';
import { jsonText } from './terminal.ts';
import type { Invocation, Verb } from './verb.ts';

export const cancel: Verb = {
  name: 'cancel',
  usage: 'job/ID… [--wait] [--why TEXT]',
  summary: 'Cancel jobs',
  help: 'One that waits is over at once. One that runs gets SIGTERM, its grace, SIGKILL; show tells when each was seen. One that is over stays as it is. The beginning of an id is enough.',
  options: {
    wait: { type: 'boolean', help: 'wait until nothing of it runs any more' },
    why: { type: 'string', value: 'TEXT', help: 'shown in the timeline' },
  },
  json: '`Job`; of several `Job[]`',
  completes: ['job'],
  takes: { least: 1, most: 50 },
  async run(invocation) {
    const { client, terminal, json, arguments: names } = invocation;
    // All names are looked up first: a typing error in the third must not leave two done.
    const found = await Promise.all(names.map((name) => findJob(client, name)));
    const jobs: JobJson[] = [];
    for (const { id } of found) {
      const job = await cancelJob(invocation, id);
      jobs.push(job);
      if (!json) terminal.out(jobOutcomeLine(terminal, job));
    }
    if (json) terminal.out(jsonText(jobs.length === 1 ? jobs[0] : jobs));
    return exitCodes.ok;
  },
};

/** Asks for the end of a job; with `--wait` resolves when it is there. */
export async function cancelJob(invocation: Invocation, id: string): Promise<JobJson> {
  const why = invocation.text('why');
  const job = await invocation.client.jobs.cancel(id, why === null ? {} : { why });
  return invocation.flag('wait') && !job.terminal ? waitForJob(invocation, id) : job;
}
