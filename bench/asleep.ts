import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { Client, Connection } from '@temporalio/client';
import { echoApp } from '../test/acceptance/echo-app.ts';
import { eventually } from '../test/beds/eventually.ts';
import { startLab, type Lab } from '../test/beds/lab.ts';
import { round, type Bench } from './measure.ts';

const apps = 1_000;
const quietMs = 60_000;
const ticksASecond = 100;

/** What a thousand sleeping apps cost beside none: CPU, memory, Temporal actions. */
export const bench: Bench = async ({ say }) => {
  const lab = await startLab();
  try {
    say('waiting until everything is warm');
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    say('measuring without apps');
    const empty = await measure(lab);
    say(`registering ${apps} apps`);
    for (let index = 0; index < apps; index += 1) {
      await lab.client.apps.register(`asleep-${index}`, echoApp());
    }
    await eventually(
      async () => {
        const { entries } = await lab.store.outbox.backlog();
        const last = await lab.store.operations.unfinished(`app/asleep-${apps - 1}`);
        if (entries > 0 || last.length > 0) throw new Error(`${entries} commands under way`);
      },
      { deadlineMs: 300_000, intervalMs: 500 },
    );
    const eventsBefore = await historyEvents(lab);
    say(`measuring with ${apps} sleeping apps`);
    const full = await measure(lab);
    const grown = (await historyEvents(lab)) - eventsBefore;
    const actionsADay = (grown / apps) * (86_400_000 / quietMs);
    return [
      {
        figure: 'cpuPercent',
        value: round(full.cpuPercent - empty.cpuPercent),
        unit: '% of a core',
      },
      { figure: 'memoryMB', value: round(full.megabytes - empty.megabytes), unit: 'MB' },
      { figure: 'actionsPerSleepingAppDay', value: round(actionsADay), unit: '' },
    ];
  } finally {
    await lab.close();
  }
};

async function measure(lab: Lab): Promise<{ cpuPercent: number; megabytes: number }> {
  const before = await usage(lab);
  await new Promise((resolve) => setTimeout(resolve, quietMs));
  const after = await usage(lab);
  return {
    cpuPercent: ((after.ticks - before.ticks) / ticksASecond / (quietMs / 1000)) * 100,
    megabytes: after.megabytes,
  };
}

/** CPU and resident memory of all processes of this lab: those that name its folder or were started for it. */
async function usage(lab: Lab): Promise<{ ticks: number; megabytes: number }> {
  const roots = new Set([lab.worker.pid, lab.api.pid, lab.gateway.pid]);
  let ticks = 0;
  let pages = 0;
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      const command = readFileSync(`/proc/${entry}/cmdline`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const parent = Number(fields[1]);
      const belongs = roots.has(Number(entry)) || roots.has(parent) || command.includes(lab.folder);
      const database = command.startsWith('postgres:');
      if (!belongs && !database) continue;
      ticks += Number(fields[11]) + Number(fields[12]);
      pages += Number(readFileSync(`/proc/${entry}/statm`, 'utf8').split(' ')[1]);
    } catch {
      // It ended while it was looked at: then it is none of the long-lived ones.
      continue;
    }
  }
  return { ticks, megabytes: (pages * 4096) / 1024 / 1024 };
}

async function historyEvents(lab: Lab): Promise<number> {
  const connection = await Connection.connect({ address: lab.temporal.address });
  const client = new Client({ connection });
  let events = 0;
  for await (const run of client.workflow.list({ query: "ExecutionStatus = 'Running'" })) {
    events += run.historyLength;
  }
  await connection.close();
  return events;
}
