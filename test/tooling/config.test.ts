import { describe, expect, it } from 'vitest';
import { firstUrl, loadConfig, readSecretVariables } from '../../src/config.ts';

describe('loadConfig', () => {
  it('names all five mistakes of a configuration at once', () => {
    const load = () =>
      loadConfig({
        LABKEEPER_CONSOLE_PORT: '80800',
        LABKEEPER_LOG_LEVEL: 'loud',
        LABKEEPER_DATABASE_POOL: 'many',
        LABKEEPER_HOST_NAME: 'Lab 2',
        LABKEEPER_DATTA: '/srv/lab',
      });
    expect(load).toThrow(/has 5 mistakes/);
    for (const name of ['CONSOLE_PORT', 'LOG_LEVEL', 'DATABASE_POOL', 'HOST_NAME', 'DATTA']) {
      expect(load).toThrow(`LABKEEPER_${name}: `);
    }
  });

  it('takes an empty variable for an absent one', () => {
    expect(loadConfig({ LABKEEPER_BIND: '' }).LABKEEPER_BIND).toBe('127.0.0.1');
  });

  it('takes LABKEEPER_SECRET_ variables for secrets of apps, and reads them apart', () => {
    const given = { LABKEEPER_SECRET_HF_TOKEN: 'x', LABKEEPER_SECRET_EMPTY: '', PATH: '/bin' };
    expect(JSON.stringify(loadConfig(given))).not.toContain('HF_TOKEN');
    expect([...readSecretVariables(given)]).toEqual([['LABKEEPER_SECRET_HF_TOKEN', 'x']]);
    expect(() => loadConfig({ 'LABKEEPER_SECRET_hf-token': 'x' })).toThrow('is no setting');
  });

  it('leaves variables of others alone', () => {
    expect(loadConfig({ PATH: '/bin', HOME: '/', LABKEEPER_REQUIRE: 'all' })).toEqual(
      loadConfig({}),
    );
  });

  it('takes several APIs with commas between, and names what is no address of one', () => {
    const urls = 'http://127.0.0.1:8090, http://127.0.0.1:8190';
    expect(loadConfig({ LABKEEPER_API_URL: urls }).LABKEEPER_API_URL).toBe(urls);
    expect(firstUrl(urls)).toBe('http://127.0.0.1:8090');
    expect(() => loadConfig({ LABKEEPER_API_URL: `${urls},8290` })).toThrow(
      'LABKEEPER_API_URL: must be a URL, or several with commas between',
    );
  });
});
