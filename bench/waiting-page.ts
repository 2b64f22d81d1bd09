import { median, round, stopAll, wrk, type Bench } from './measure.ts';
import { startGateway } from './peers/gateway.ts';

const rounds = 3;

/** Waiting pages a second while an app starts. No database and no API is there: a request needs none. */
export const bench: Bench = async ({ seconds, say }) => {
  const gateway = await startGateway(0, 9, { starting: true });
  const url = `http://127.0.0.1:${gateway.port}${gateway.path}`;
  const headers = ['Accept: text/html', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'];
  const values: number[] = [];
  let errors = 0;
  for (let number = 1; number <= rounds; number += 1) {
    const load = await wrk(1, url, { connections: 50, seconds, headers });
    values.push(load.perSecond);
    errors += load.errors;
    say(`round ${number}/${rounds}: ${Math.round(load.perSecond)} pages/s`);
  }
  await stopAll();
  return [
    { figure: 'throughput', value: round(median(values)), unit: 'req/s' },
    { figure: 'errors', value: errors, unit: '' },
  ];
};
