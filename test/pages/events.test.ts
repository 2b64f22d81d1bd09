import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPeople, type PeopleBed } from '../api/people-bed.ts';
import { requirePart } from '../beds/require.ts';
import { runSql } from '../store/sql.ts';
import { visit, withPhases, type PagesBed } from './bed.ts';

describe.runIf(requirePart('postgres'))('the page of events', () => {
  let bed: PeopleBed & PagesBed;
  let operator: Record<string, string>;
  let instructor: Record<string, string>;
  beforeAll(async () => {
    bed = await withPhases(await openPeople());
    operator = await bed.person('root', {}, { operator: true });
    instructor = await bed.person('ida', { ml101: 'instructor' });
    const command = ['serve'];
    for (const [name, space] of [
      ['plot', 'ml101'],
      ['gene', 'bio'],
    ]) {
      const body = {
        command,
        space,
        ...(name === 'plot' ? { volumes: [{ volume: 'data' }] } : {}),
      };
      await bed.send('PUT', `/api/v1/apps/${name}`, { body, headers: operator });
    }
    await bed.store.events.append('app/plot', { actor: 'ida', what: 'looked at', why: 'curious' });
    await bed.store.events.append('app/gene', { actor: 'idle clock', what: 'asleep', why: 'idle' });
    await runSql(
      bed.databaseUrl,
      "UPDATE events SET at = now() - interval '3 hours' WHERE what = 'asleep'",
    );
  });
  afterAll(() => bed.close());

  const lines = async (query: string, headers = operator) =>
    [
      ...(await visit(bed, `/manage/events?${query}`, headers)).html.matchAll(
        /<li class="event">.*?>((?:app|volume|space|person|host)\/[^<]+)<.*?<strong>([^<]*)<\/strong>/gs,
      ),
    ].map(([, entity, what]) => `${entity} ${what}`);

  it('is filtered by kind, name, what, who and since, all in the address', async () => {
    expect(await lines('kind=volume')).toEqual(['volume/data created']);
    expect(await lines('name=plot')).toEqual(['app/plot looked at', 'app/plot registered']);
    expect(await lines('name=volume/data')).toEqual(['volume/data created']);
    expect(await lines('kind=volume&name=data')).toEqual(['volume/data created']);
    expect(await lines('what=registered')).toEqual(['app/gene registered', 'app/plot registered']);
    expect(await lines('actor=ida')).toEqual(['app/plot looked at']);
    expect(await lines('actor=id&kind=app')).toEqual(['app/gene asleep', 'app/plot looked at']);
    expect(await lines('what=asleep&since=24h')).toEqual(['app/gene asleep']);
    expect(await lines('what=asleep&since=1h')).toEqual([]);
    const { html } = await visit(bed, '/manage/events?what=asleep&since=1h', operator);
    expect(html).toContain('No event fits the filter.');
    expect(html).toContain('<option value="1h" selected');
  });

  it('offers what has happened and who did it', async () => {
    const { html } = await visit(bed, '/manage/events', operator);
    expect(html).toContain('<option value="looked at"');
    expect(html).toMatch(/<datalist id="actors">.*<option value="idle clock"/);
  });

  it('shows who may see one space nothing of another, not even in the choices', async () => {
    expect(await lines('', instructor)).toEqual([
      'app/plot looked at',
      'app/plot registered',
      'volume/data created',
      'space/ml101 member set',
      'space/ml101 added',
    ]);
    expect(await lines('name=gene', instructor)).toEqual([]);
    const { html } = await visit(bed, '/manage/events', instructor);
    expect(html).not.toContain('idle clock');
    expect(html).not.toContain('app/gene');
  });

  it('keeps the filter from page to page', async () => {
    for (let count = 0; count < 61; count += 1) {
      await bed.store.events.append('app/plot', { actor: 'ida', what: 'again', why: `${count}` });
    }
    const { html } = await visit(bed, '/manage/events?what=again&actor=ida', operator);
    const [, next = ''] = /href="([^"]+)" rel="next"/.exec(html) ?? [];
    expect(next).toMatch(/^\/manage\/events\?what=again&amp;actor=ida&amp;before=/);
    const older = await visit(bed, next.replaceAll('&amp;', '&'), operator);
    expect(older.html.match(/<li class="event">/g)).toHaveLength(1);
    expect(older.html).toContain('href="/manage/events?what=again&amp;actor=ida">');
  });

  it('reads what is no filter as none', async () => {
    for (const query of [
      'kind=x',
      'since=ever',
      'name=%00',
      'actor=%00%27',
      'before=x',
      'name=/',
    ]) {
      expect((await visit(bed, `/manage/events?${query}`, operator)).status).toBe(200);
    }
  });
});
