import { expect, it } from 'vitest';
import { eventually } from '../../../beds/eventually.ts';
import { patienceMs } from '../bed.ts';
import type { Given } from './given.ts';

export function stopping(given: Given): void {
  const launched = async (act: string, word: string) => {
    const { way } = given();
    const id = await way.launch({ config: { act } });
    await eventually(async () => expect((await way.get(`/logs/${id}`)).text).toContain(word), {
      deadlineMs: patienceMs,
    });
    return id;
  };

  it('3.4 answers stopped once a running job is gone, and once more', async () => {
    const { way } = given();
    const id = await launched('wait', 'waits');
    const answer = await way.post(`/stop/${id}`);
    expect([answer.status, answer.json()]).toEqual([200, { message: 'stopped' }]);
    expect((await way.get(`/status/${id}`)).json()).toMatchObject({
      ...{ status: 'exited', state: 'stopped', terminal: true, exit_code: 143 },
    });
    expect((await way.post(`/stop/${id}`)).json()).toEqual({ message: 'stopped' });
  });

  it('3.4 kills what does not listen after its grace', async () => {
    const { way } = given();
    const id = await launched('stubborn', 'does not listen');
    expect((await way.post(`/stop/${id}`)).json()).toEqual({ message: 'stopped' });
    expect((await way.get(`/status/${id}`)).json()).toMatchObject({
      ...{ state: 'stopped', exit_code: 137 },
    });
  });

  it('3.4 leaves a finished job as it is', async () => {
    const { way } = given();
    const id = await way.launch({ config: { act: 'env' } });
    await way.until(id, 'finished');
    expect((await way.post(`/stop/${id}`)).json()).toEqual({ message: 'stopped' });
    expect((await way.get(`/status/${id}`)).json()).toMatchObject({ state: 'finished' });
  });
}
