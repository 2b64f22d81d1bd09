import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../beds/eventually.ts';
import { startLab, type Lab } from '../beds/lab.ts';
import { requirePart } from '../beds/require.ts';

const run = promisify(execFile);
const module = fileURLToPath(new URL('../../clients/python', import.meta.url));
const present = requirePart('temporal') && requirePart('postgres') && requirePart('python');

/** What every script begins with; `tell` hands something back to the test. */
const head = `
import json, sys, time
import labkeeper
from labkeeper import Client
lab = Client(timeout=10)
def tell(**words): print(json.dumps(words))
def job_of(text, **more):
    return lab.submit([sys.executable, "-u", "-c", text, "{config}", "{output}"], cpus=0.2, memory_bytes=128 << 20, **more)
`;

describe.runIf(present)('the Python client', { timeout: 120_000 }, () => {
  let lab: Lab;
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labkeeper-python-'));
    lab = await startLab();
  }, 120_000);
  afterAll(async () => {
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  }, 60_000);

  /** Runs a script as somebody's own program would, and answers what it told. */
  async function python(script: string): Promise<Record<string, unknown>[]> {
    const { stdout } = await run('python3', ['-c', head + script], {
      cwd: folder,
      timeout: 100_000,
      env: {
        PATH: process.env['PATH'] ?? '',
        PYTHONPATH: module,
        PYTHONDONTWRITEBYTECODE: '1',
        LABKEEPER_CONSOLE_URL: lab.consoleUrl,
      },
    });
    const lines = stdout.split('\n').filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it('submits a job once however often it is asked to, and reads its progress, result, output and files', async () => {
    const [told] = await python(`
program = '''
import json, sys, time
config, output = sys.argv[1:]
n = json.load(open(config))["n"]
for step in range(1, 5):
    with open(output + "/progress.json", "w") as file: json.dump({"step": step, "step_total": 4}, file)
    print("step", step, "\\u00fc")
    time.sleep(0.3)
open(output + "/table.csv", "w").write("a,b\\\\n1,2\\\\n")
json.dump({"square": n * n}, open(output + "/result.json", "w"))
'''
key = labkeeper.stable_key("dag", "scheduled__2026-01-01T00:00:00+00:00", "task")
job = job_of(program, config={"n": 12}, key=key, title="Squares", tags={"study": "a"})
again = job_of(program, config={"n": 12}, key=key, title="Squares", tags={"study": "a"})
seen = []
job.wait(timeout=60, on_change=lambda job: seen.append((job.state, job.percent)))
tell(
    same=job.id == again.id, result=job.result(), log=job.log(), states=sorted({state for state, _ in seen}),
    told=any(percent not in (None, 100.0) for _, percent in seen), percent=job.percent,
    followed="".join(job.follow()), files=[one["path"] for one in job.artifacts()],
    file=open(job.download("table.csv", "here.csv")).read(), page=job.page,
    listed=[one.id for one in lab.jobs(tag="study=a")] == [job.id],
)
`);
    const log = [1, 2, 3, 4].map((step) => `step ${step} ü\n`).join('');
    expect(told).toMatchObject({
      ...{ same: true, result: { square: 144 }, log, followed: log, percent: 100, told: true },
      ...{ file: 'a,b\n1,2\n', listed: true },
      files: expect.arrayContaining(['table.csv']),
      states: expect.arrayContaining(['running', 'succeeded']),
      page: expect.stringMatching(new RegExp(`^${lab.consoleUrl}/manage/job/`)),
    });
  });

  it('raises what went wrong with the sentence that labkeeper says about it', async () => {
    const told = await python(`
def attempt(what, act):
    try:
        act()
        tell(what=what, kind=None)
    except labkeeper.LabkeeperError as error:
        tell(what=what, kind=type(error).__name__, type=getattr(error, "type", None), says=str(error))
attempt("failed", lambda: job_of("print('no sun'); raise SystemExit(3)").result(timeout=60))
attempt("field", lambda: job_of("pass", priority=1000))
attempt("absent", lambda: lab.job("never-1"))
attempt("other", lambda: [job_of(text, id="mine-1") for text in ("pass", "print()")])
attempt("late", lambda: job_of("import time; time.sleep(60)", id="late-1").wait(timeout=0.5))
attempt("canceled", lambda: lab.job("late-1").cancel("enough").wait(timeout=60))
attempt("nobody", lambda: Client("http://127.0.0.1:9", patience=0).job("x"))
`);
    const by = Object.fromEntries(told.map((one) => [one['what'], one]));
    expect(by['failed']).toMatchObject({
      kind: 'JobNotSucceeded',
      says: expect.stringMatching(/exit code 3[^]*no sun/),
    });
    expect(by['field']).toMatchObject({
      kind: 'Refused',
      type: 'invalid',
      says: expect.stringContaining('priority'),
    });
    expect(by['absent']).toMatchObject({ kind: 'Refused', type: 'not_found' });
    expect(by['other']).toMatchObject({
      kind: 'Refused',
      type: 'conflict',
      says: expect.stringContaining('mine-1'),
    });
    expect(by['late']).toMatchObject({
      kind: 'NotInTime',
      says: expect.stringContaining('late-1'),
    });
    expect(by['canceled']).toMatchObject({
      kind: 'JobNotSucceeded',
      says: expect.stringContaining('enough'),
    });
    expect(by['nobody']).toMatchObject({
      kind: 'Unreachable',
      says: expect.stringContaining('127.0.0.1:9'),
    });
  });

  it('waits and follows on through a kill of the API, and loses no line', async () => {
    const flag = join(folder, 'go-on');
    const script = `
program = '''
import os, time
print("before", flush=True)
while not os.path.exists(${JSON.stringify(flag)}): time.sleep(0.05)
print("after", flush=True)
'''
job = job_of(program, id="outlived-1")
text = "".join(job.follow())
tell(state=job.wait(timeout=60).state, text=text)
`;
    const telling = python(script);
    await eventually(
      async () => expect((await lab.client.jobs.log('outlived-1')).text).toContain('before'),
      {
        deadlineMs: 30_000,
      },
    );
    await lab.api.kill9();
    await lab.api.start();
    await writeFile(flag, '');
    expect(await telling).toEqual([{ state: 'succeeded', text: 'before\nafter\n' }]);
  });

  it('is one file that needs nothing but Python 3.9', async () => {
    const text = await readFile(join(module, 'labkeeper.py'), 'utf8');
    const imported = [...text.matchAll(/^(?:import|from) ([\w.]+)/gm)].map(([, name]) => name);
    const { stdout } = await run('python3', [
      '-c',
      `import ast, sys; ast.parse(open(sys.argv[1]).read(), feature_version=(3, 9)); print(set(name.split(".")[0] for name in sys.argv[2:]) <= set(sys.stdlib_module_names))`,
      ...[join(module, 'labkeeper.py'), ...imported.map((name) => name ?? '')],
    ]);
    expect(stdout.trim()).toBe('True');
  });
});
