import { Client, Connection } from '@temporalio/client';
import { countActions } from '../test/workflows/histories.ts';
import { echoApp } from '../test/acceptance/echo-app.ts';
import { eventually } from '../test/beds/eventually.ts';
import { startLab } from '../test/beds/lab.ts';
import { openSocket } from '../test/beds/socket.ts';
import { round, type Bench } from './measure.ts';

/** Idle windows of a working day: 8 h in windows of 15 min. */
const windowsADay = 32;

/**
 * Temporal events and actions of an app in use for a day, measured on a day in fast motion: idle
 * windows of one second instead of a quarter of an hour, in use all the time.
 */
export const bench: Bench = async ({ say }) => {
  const lab = await startLab();
  try {
    const idle = { idleAfterMs: 1_000, disconnectedAfterMs: 1_000, warnBeforeMs: 0 };
    await lab.client.apps.register('day', echoApp({ idle }));
    await fetch(lab.appUrl('day', '/who'));
    const connection = await Connection.connect({ address: lab.temporal.address });
    const handle = new Client({ connection }).workflow.getHandle('app/day');
    const { socket } = await openSocket(lab.appUrl('day', '/socket'));
    const using = setInterval(() => socket.send('use'), 250);
    const timers = (events: { timerStartedEventAttributes?: unknown }[]) =>
      events.filter((event) => Boolean(event.timerStartedEventAttributes)).length;
    const history = await eventually(
      async () => {
        const read = await handle.fetchHistory();
        const windows = timers(read.events ?? []);
        if (windows < windowsADay) throw new Error(`${windows} windows so far`);
        return read;
      },
      { deadlineMs: 120_000, intervalMs: 1_000 },
    );
    clearInterval(using);
    socket.close();
    await connection.close();
    const windows = timers(history.events ?? []);
    say(`${windows} idle windows seen`);
    return [
      {
        figure: 'actionsADay',
        value: round((countActions(history) * windowsADay) / windows),
        unit: '',
      },
      {
        figure: 'eventsADay',
        value: round(((history.events?.length ?? 0) * windowsADay) / windows),
        unit: '',
      },
    ];
  } finally {
    await lab.close();
  }
};
