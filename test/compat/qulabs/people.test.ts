import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { parseListenerAccess, refusalToListen } from '../../../src/model/listener-access.ts';
import { openAccess, type AccessBed } from '../../gateway/access-bed.ts';
import { closeBeds } from '../../gateway/bed.ts';
import { runSql } from '../../store/sql.ts';
import { requirePart } from '../../beds/require.ts';
import { ask, navigation, newId, wayTo, type Way } from './bed.ts';

describe('QuLabs clients where people log in, before anything is opened', () => {
  const listen = { host: '127.0.0.1', port: 8002 };
  it.each([
    ['required', null, false],
    ['required', 'open', true],
    ['required', '10.0.0.0/8', true],
    ['open', null, true],
  ] as const)(
    'authentication %s, access %s: the own listener opens: %s',
    (authentication, word, opens) => {
      const access = parseListenerAccess(word ?? '');
      const refused = refusalToListen({
        ...{ family: 'qulabs', listen, hasToken: false, authentication },
        access: word === null ? null : access,
      });
      expect(refused === null).toBe(opens);
      if (refused !== null) expect(refused).toContain('LABKEEPER_QULABS_ACCESS');
    },
  );
});

describe.runIf(requirePart('postgres'))('QuLabs clients where people log in', () => {
  describe('and nobody has said who may come', () => {
    let bed: AccessBed;
    beforeAll(async () => {
      bed = await openAccess();
    });
    afterAll(async () => {
      await closeBeds();
      await bed?.close();
    });

    it('are turned away on every shared listener', async () => {
      await addLab(bed, 'unsaid', { access: 'everyone' });
      for (const way of [`${bed.console}/compat/qulabs`, `${bed.apps}/compat/qulabs`]) {
        for (const path of ['/apps', '/app/unsaid', '/unsaid/', '/register_app']) {
          const answer = await ask(`${way}${path}`);
          expect([answer.status, answer.json()['detail']], way + path).toEqual([
            403,
            expect.stringContaining('LABKEEPER_QULABS_ACCESS'),
          ]);
        }
      }
    });
  });

  describe('and the operator lets old clients in', () => {
    let bed: AccessBed;
    let ways: Way[];
    beforeAll(async () => {
      bed = await openAccess({
        settings: { LABKEEPER_QULABS_ACCESS: 'open', LABKEEPER_LISTEN_QULABS: '127.0.0.1:0' },
      });
      ways = [
        wayTo(`http://localhost:${bed.gateway.worker.ports.qulabs}`),
        wayTo(`${bed.console}/compat/qulabs`),
        wayTo(`${bed.apps}/compat/qulabs`),
      ];
    });
    afterAll(async () => {
      await closeBeds();
      await bed?.close();
    });
    const family = () => ways.slice(0, 2);

    it('lets everybody use what is registered, which is for everyone until somebody closes it', async () => {
      const id = newId();
      await addLab(bed, id, { access: 'everyone' });
      for (const way of ways) {
        const answer = await way.ask(`/${id}/x`);
        expect([answer.status, answer.json()['url']], way.base).toEqual([200, `/${id}/x`]);
        expect(JSON.stringify(answer.json()['headers'])).not.toContain('x-labkeeper');
      }
      for (const way of family()) {
        expect((await way.ask(`/app/${id}`)).status).toBe(307);
        expect((await way.ask(`/status/${id}`)).json()['running_status']).toBe('running');
        expect((await way.ask('/apps')).text).toContain(id);
      }
    });

    it('neither shows nor forwards to a lab that is closed to strangers', async () => {
      const id = newId();
      const lab = await addLab(bed, id, { access: 'members' });
      for (const way of ways) {
        const program = await way.ask(`/${id}/x`);
        expect([program.status, program.headers['www-authenticate']], way.base).toEqual([
          401,
          'Bearer',
        ]);
        expect(program.json()['detail']).toContain('not open to everyone');
        const socket = new WebSocket(`${way.base.replace(/^http/, 'ws')}/${id}/stream`);
        const [, answer] = await once(socket, 'unexpected-response');
        expect(answer.statusCode).toBe(401);
        socket.on('error', () => {});
        socket.terminate();
      }
      for (const way of family()) {
        const entry = await way.ask(`/app/${id}`, { headers: navigation });
        expect([entry.status, entry.headers.location]).toEqual([307, `${way.mount}/${id}/`]);
        expect((await way.ask(`/loading/${id}`)).headers.location).toBe(`${way.mount}/${id}/`);
        const status = await way.ask(`/status/${id}`);
        expect([status.status, status.json()]).toEqual([
          404,
          { detail: 'App not found in memory.' },
        ]);
        expect((await way.ask('/apps')).text).not.toContain(id);
      }
      expect(lab.requests).toEqual([]);
    });

    it('wakes no closed lab for a stranger', async () => {
      const id = newId();
      await addLab(bed, id, { access: 'members' });
      const mark = { life: 1, revision: 2 };
      const condition = { wanted: 'asleep', phase: 'none' } as const;
      await bed.people.store.apps.advance(`lab-${id}`, mark, { condition, route: null });
      for (const way of ways) {
        for (const path of [`/app/${id}`, `/loading/${id}`, `/${id}/`]) {
          await way.ask(path, { headers: navigation });
        }
      }
      const [row] = await runSql(
        bed.people.databaseUrl,
        `SELECT count(*)::integer AS wakes FROM operations WHERE entity = $1 AND verb = 'wake'`,
        [`app/lab-${id}`],
      );
      expect(row).toEqual({ wakes: 0 });
    });

    it('takes a person who may open it to labkeeper’s own address of it, through the login', async () => {
      const id = newId();
      const app = `lab-${id}`;
      await addLab(bed, id, { access: 'members' });
      const nobody = await bed.browser().open(`${ways[0]?.base}/app/${id}`);
      expect(nobody.url).toContain(`${bed.console}/login?to=`);
      const ada = await bed.logIn(`ada-${id.slice(0, 6)}`, { ml101: 'user' });
      for (const way of ways) {
        const there = await ada.open(`${way.base}/${id}/`);
        expect([there.url, there.status], there.hops.join(' ')).toEqual([
          `${bed.apps}/app/${app}/`,
          200,
        ]);
        expect(there.body).toContain(`"url":"/${id}/"`);
      }
      const token = await bed.token(`ada-${id.slice(0, 6)}`);
      for (const way of ways) {
        const headers = { authorization: `Bearer ${token}` };
        const answer = await way.ask(`/${id}/x`, { headers });
        expect(answer.status, way.base).toBe(200);
        expect(answer.text).not.toContain(token);
      }
    });

    it('ends what is open on each listener when a lab is closed', async () => {
      const id = newId();
      await addLab(bed, id, { access: 'everyone' });
      const held = await Promise.all(
        ways.map(async (way) => {
          const stream = await fetch(`${way.base}/${id}/.labkeeper/events?view=tab`);
          expect(stream.status, way.base).toBe(200);
          const ended = stream.text().catch(() => 'cut');
          return { ended };
        }),
      );
      const app = `lab-${id}`;
      const found = await bed.people.store.apps.find(app);
      if (found === null) throw new Error(`${app} is not there`);
      await bed.people.store.apps.register({
        ...{ name: app, space: found.space, owner: found.owner, actor: 'owner' },
        spec: { ...found.spec, access: 'members' },
        operationId: `close-${id}`,
      });
      for (const { ended } of held) await ended;
    });
  });
});

/** An app that runs, and that the family calls `id`; its name is `lab-<id>`. */
async function addLab(
  bed: AccessBed,
  id: string,
  spec: NonNullable<Parameters<AccessBed['addApp']>[1]>,
): ReturnType<AccessBed['addApp']> {
  const app = `lab-${id}`;
  const lab = await bed.addApp(app, { basePath: `/${id}`, prefixMode: 'keep', ...spec });
  await runSql(
    bed.people.databaseUrl,
    `INSERT INTO foreign_ids (family, external_id, app, record) VALUES ('qulabs', $1, $2, $3)`,
    [id, app, JSON.stringify({ docker_image: 'lab/x:1', port: 8501 })],
  );
  return lab;
}
