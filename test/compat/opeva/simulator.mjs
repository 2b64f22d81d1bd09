// Plays the simulation containers that labs have: what it writes, and where, is what theirs write.
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const option = (name) => process.argv[process.argv.indexOf(name) + 1];
const [config, id] = [option('--config'), option('--job_id')];
const base = process.env.OPEVA_BASE_DIR ?? '/data';
const job = join(base, 'jobs', id);
const text = readFileSync(config, 'utf8');
const act = /^act: (\S+)/m.exec(text)?.[1] ?? 'run';

/** Tests hold it between two steps, so that nothing depends on who is faster. */
const until = async (word) => {
  while (!existsSync(join(job, word))) await new Promise((done) => setTimeout(done, 10));
};
const write = (path, content) => {
  const file = join(job, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
};
const log = (name, content) => appendFileSync(join(job, 'logs', name), content);
const info = (more) => {
  const file = join(job, 'job_info.json');
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  writeFileSync(file, JSON.stringify({ ...before, ...more }));
};

const acts = {
  /** The image of 2026: its own log under the job's id, progress and result rewritten in place. */
  async run() {
    console.log(`started ${process.env.OPEVA_JOB_NAME}`);
    write('results/result.json', '{"status": "pending"}');
    // Whoever sees the progress finds the log there too.
    log(`${id}.log`, 'episode 0\n');
    write(
      'progress/progress.json',
      '{"episode": 0, "step": 3, "status": "initializing", "progress_pct": 12.5, "rewards": [1.0, NaN, -Infinity]}',
    );
    await until('go');
    write('results/result.json', '{"District": {"cost');
    write('progress/progress.json', '{"episode": 1');
    await until('on');
    write(
      'results/result.json',
      '{"District": {"cost_total": 0.50, "bill": NaN, "seed": 12345678901234567890}}',
    );
    write('progress/progress.json', '{"status": "completed", "progress_pct": 100}');
    log(`${id}.log`, 'done\n');
  },
  /** The image of 2025: a log under the id of its run, which it tells in job_info.json. */
  async early() {
    log('run-7.log', 'from the run\n');
    info({ mlflow_run_id: 'run-7', mlflow_uri: 'file:/data/mlflow/mlruns' });
    await until('go');
    write('results/result.json', '{"Building_1": {"cost_total": 1.5}}');
  },
  async env() {
    const { PARAM1, PARAM2, OPEVA_JOB_NAME } = process.env;
    write(
      'results/result.json',
      JSON.stringify({ PARAM1, PARAM2, OPEVA_JOB_NAME, base, config: text }),
    );
  },
  async fail() {
    console.error('Traceback: no such building');
    process.exit(3);
  },
  async wait() {
    console.log('waits');
    await until('go');
  },
  async stubborn() {
    process.on('SIGTERM', () => {});
    console.log('does not listen');
    await until('go');
  },
  async pending() {
    write('results/result.json', '{"status": "pending"}');
  },
  async broken() {
    write('results/result.json', '{"District": {');
  },
  async bytes() {
    log(`${id}.log`, Buffer.from([0x6f, 0x6b, 0xff, 0xfe, 0x0a]));
  },
};

await acts[act]();
