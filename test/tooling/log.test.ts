import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';

describe('the log', () => {
  it('removes what may hold a secret, at every depth down to the fourth', () => {
    const folder = mkdtempSync(join(tmpdir(), 'labkeeper-log-'));
    try {
      const file = join(folder, 'log');
      const log = createLog({ process: 'test', level: 'info', file });
      const secretly = {
        ...{ password: 'canary', secret: 'canary', secrets: { TOKEN: 'canary' }, value: 'canary' },
        ...{ token: 'canary', authorization: 'canary', cookie: 'canary', 'set-cookie': ['canary'] },
        ...{ authconfig: { a: 'canary' }, 'x-registry-auth': 'canary', credentials: ['canary'] },
        ...{ environment: { TOKEN: 'canary' }, env: { TOKEN: 'canary' }, Env: ['TOKEN=canary'] },
      };
      log.info({ name: 'plot', ...secretly, a: { ...secretly, b: { ...secretly } } }, 'first');
      log.info({ a: { b: { c: secretly } }, list: [secretly] }, 'second');
      const text = readFileSync(file, 'utf8');
      expect(text).not.toContain('canary');
      expect(text).toContain('"name":"plot"');
      expect(text.match(/\[removed\]/g)?.length).toBeGreaterThan(30);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
