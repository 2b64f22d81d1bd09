import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { HealthJson } from '../../src/model/api.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { requirePart } from '../beds/require.ts';
import { openApi } from './bed.ts';

describe.runIf(requirePart('postgres'))('health', () => {
  it('is live and ready when all answers', async () => {
    const api = await openApi();
    expect(await (await api.send('GET', '/health/live')).json()).toEqual({ status: 'live' });
    const ready = await api.send('GET', '/health/ready');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({
      status: 'ready',
      checks: {
        database: { ok: true, detail: null },
        temporal: { ok: true, detail: null },
        outbox: { ok: true, detail: null },
      },
    });
    await api.close();
  });

  it('is degraded but ready without Temporal: commands are accepted', async () => {
    const api = await openApi({ pingTemporal: () => Promise.reject(new Error('no connection')) });
    const answer = await api.send('GET', '/health/ready');
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      status: 'degraded',
      checks: { temporal: { ok: false, detail: 'no connection' } },
    });
    await api.close();
  });

  it('says so when Temporal does not answer at all', async () => {
    const api = await openApi({ pingTemporal: () => new Promise(() => {}) });
    const health = (await (await api.send('GET', '/health/ready')).json()) as HealthJson;
    expect(health.checks['temporal']?.detail).toContain('no answer within');
    await api.close();
  });

  it('is not ready without the database, and stays live', async () => {
    const down = await openPostgresStore({
      url: 'postgres://labkeeper@127.0.0.1:1/labkeeper',
      poolSize: 2,
      applicationName: 'test',
      log: pino({ level: 'silent' }),
    });
    const api = await openApi({ store: () => down });
    const answer = await api.send('GET', '/health/ready');
    expect(answer.status).toBe(503);
    expect(await answer.json()).toMatchObject({
      status: 'unavailable',
      checks: { database: { ok: false } },
    });
    expect((await api.send('GET', '/health/live')).status).toBe(200);
    const metrics = await api.send('GET', '/metrics');
    expect(metrics.status).toBe(200);
    expect(await metrics.text()).toContain('labkeeper_outbox_entries NaN');
    await api.close();
    await down.close();
  });

  it('measures requests by their route, and counts commands', async () => {
    const api = await openApi();
    await api.register('plot');
    await api.send('GET', '/api/v1/apps/plot');
    await api.send('POST', '/api/v1/apps/plot/start');
    await api.send('GET', '/api/v1/apps/nobody');
    const text = await (await api.send('GET', '/metrics')).text();
    const count = 'labkeeper_api_request_duration_seconds_count';
    expect(text).toContain(`${count}{method="GET",route="/api/v1/apps/:name",status="200"} 1`);
    expect(text).toContain(`${count}{method="GET",route="/api/v1/apps/:name",status="404"} 1`);
    expect(text).toContain('labkeeper_api_commands_total{verb="wake"} 1');
    expect(text).not.toContain('nobody');
    expect(text).toContain('labkeeper_apps{status="asleep"} 1');
    await api.close();
  });
});
