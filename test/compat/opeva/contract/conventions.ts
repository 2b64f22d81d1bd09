import { expect, it } from 'vitest';
import type { Given } from './given.ts';

export function conventions(given: Given): void {
  it('2 answers without credentials, in JSON', async () => {
    const answer = await given().way.get('/health');
    expect([answer.status, answer.json()]).toEqual([200, { status: 'ok' }]);
    expect(answer.headers.get('content-type')).toContain('application/json');
  });

  it('2 has one form of error: detail, and Allow where the method is wrong', async () => {
    const { way } = given();
    const unknown = await way.get('/nothing-here');
    expect([unknown.status, unknown.json()]).toEqual([404, { detail: 'Not Found' }]);
    const wrong = await way.get('/run-simulation');
    expect([wrong.status, wrong.json()]).toEqual([405, { detail: 'Method Not Allowed' }]);
    expect(wrong.headers.get('allow')).toBe('POST');
  });

  it('4 knows nothing of what was no job', async () => {
    for (const path of ['/sites', '/schema', '/deploy', '/ws']) {
      expect((await given().way.get(path)).status).toBe(404);
    }
  });

  it('2 takes a slash at the end, with method and body', async () => {
    const { way } = given();
    expect((await way.get('/health/')).status).toBe(200);
    const answer = await way.post('/run-simulation/', {});
    expect(answer.json()).toEqual({ detail: 'Missing config or config_path' });
  });

  it('2 tells every mistake of a body by 422, as clients know them', async () => {
    const { way } = given();
    const raw = (body: string) =>
      way.send('/run-simulation', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    expect([(await way.post('/run-simulation')).status, (await raw('')).json()]).toEqual([
      422,
      { detail: [{ type: 'missing', loc: ['body'], msg: 'Field required', input: null }] },
    ]);
    expect((await raw('{"config": ')).json()).toMatchObject({
      detail: [{ type: 'json_invalid', msg: 'JSON decode error', input: {}, loc: ['body', 11] }],
    });
    const answer = await way.post('/run-simulation', { config: [1], config_path: 7 });
    expect([answer.status, answer.json()]).toEqual([
      422,
      {
        detail: [
          {
            type: 'dict_type',
            loc: ['body', 'config'],
            msg: 'Input should be a valid dictionary',
            input: [1],
          },
          {
            type: 'string_type',
            loc: ['body', 'config_path'],
            msg: 'Input should be a valid string',
            input: 7,
          },
        ],
      },
    ]);
  });

  it('2 tells a bound of the query by 422', async () => {
    const answer = await given().way.get('/jobs?limit=0');
    expect([answer.status, answer.json()]).toEqual([
      422,
      {
        detail: [
          {
            type: 'greater_than_equal',
            loc: ['query', 'limit'],
            msg: 'Input should be greater than or equal to 1',
            input: '0',
            ctx: { ge: 1 },
          },
        ],
      },
    ]);
  });

  it('2 answers 404 for ids that cannot be one', async () => {
    const { way } = given();
    for (const id of ['%2e%2e', 'a%2fb', 'x'.repeat(129), '%00', 'ü']) {
      const answer = await way.get(`/status/${id}`);
      expect(answer.status, id).toBe(404);
    }
  });

  it('2 refuses pages of other sites, and lets programs of any name in', async () => {
    const { way } = given();
    const foreign = await way.post('/run-simulation', {}, { origin: 'https://evil.example' });
    expect([foreign.status, foreign.json()]).toEqual([403, { detail: 'Forbidden' }]);
  });
}
