import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JobSpecInput } from '../../src/model/job-spec.ts';

/** One line that an attempt of a job wrote of itself. */
export interface JobLine {
  /** `rival`: another process of the same job was alive when this one began. */
  what: 'begun' | 'ended' | 'rival';
  job: string;
  attempt: number;
  atMs: number;
}

/** What jobs say of their own attempts, independent of labkeeper. */
export interface JobLedger {
  /** A job that says when it begins and ends, and takes `seconds` for it, at most a minute. */
  spec(seconds: number, more?: Partial<JobSpecInput>): JobSpecInput;
  read(job?: string): Promise<JobLine[]>;
  /** Every break of the rule that an attempt is one process, and that a job has one at a time; in words. */
  doubles(): Promise<string[]>;
  remove(): Promise<void>;
}

export async function openJobLedger(): Promise<JobLedger> {
  const folder = await mkdtemp(join(tmpdir(), 'jobs-'));
  const file = join(folder, 'ledger');
  const read = async (job?: string): Promise<JobLine[]> => {
    const text = await readFile(file, 'utf8').catch(() => '');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): JobLine => {
        const [what, id, attempt, atMs] = line.split(' ') as [
          JobLine['what'],
          string,
          string,
          string,
        ];
        return { what, job: id, attempt: Number(attempt), atMs: Number(atMs) };
      })
      .filter((line) => job === undefined || line.job === job);
  };
  return {
    spec: (seconds, more = {}) => ({
      // A lock is held as long as anything of the attempt lives: whoever finds it taken is the second.
      command: [
        'sh',
        '-c',
        [
          `say() { echo "$1 $LABKEEPER_JOB_ID $LABKEEPER_ATTEMPT $(date +%s%3N)" >> '${file}'; }`,
          `exec 9> '${folder}/'"$LABKEEPER_JOB_ID.lock"`,
          'flock -n 9 || say rival',
          `say begun; sleep ${seconds}; say ended`,
        ].join('\n'),
      ],
      limits: { cpus: 0.1, memoryBytes: 32 * 1024 * 1024 },
      stopGraceMs: 100,
      ...more,
    }),
    read,
    async doubles() {
      const lines = await read();
      const times = new Map<string, number>();
      for (const { what, job, attempt } of lines) {
        const key = `${what} ${job} attempt ${attempt}`;
        times.set(key, (times.get(key) ?? 0) + 1);
      }
      return [...times]
        .filter(([key, count]) => count > 1 || key.startsWith('rival'))
        .map(([key, count]) => `${key}: ${count} times`);
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
