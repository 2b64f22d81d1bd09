import { echoApp } from '../test/acceptance/echo-app.ts';
import { startLab } from '../test/beds/lab.ts';
import { median, round, type Bench } from './measure.ts';

const visitors = 200;

/** Two hundred first visits at once: how many instances are made, how many answers are good. */
export const bench: Bench = async ({ say }) => {
  const lab = await startLab();
  try {
    const slowest: number[] = [];
    let good = 0;
    let instances = 0;
    for (let storm = 1; storm <= 3; storm += 1) {
      const name = `storm-${storm}`;
      await lab.client.apps.register(name, echoApp({ environment: { BOOT_DELAY_MS: '500' } }));
      const beganMs = performance.now();
      const answers = await Promise.all(
        Array.from({ length: visitors }, () => fetch(lab.appUrl(name, '/who'))),
      );
      slowest.push(performance.now() - beganMs);
      good += answers.filter(({ status }) => status === 200).length;
      const running = await lab.runningInstances();
      instances += running.filter((one) => one.startsWith(`app-${name}-`)).length;
      say(`storm ${storm}: last answer after ${Math.round(slowest.at(-1) ?? 0)} ms`);
    }
    return [
      { figure: 'containers', value: instances / 3, unit: 'a storm' },
      { figure: 'goodAnswers', value: good / 3, unit: `of ${visitors}` },
      { figure: 'lastAnswerMs', value: round(median(slowest)), unit: 'ms, app boots in 500' },
    ];
  } finally {
    await lab.close();
  }
};
