import { LabError } from '../../../model/failures.ts';
import type { PeopleStore } from '../../people-ports.ts';
import type { Database, Query } from '../database.ts';
import { insertEvent } from '../events/append.ts';
import { countOperators, findPerson } from './find.ts';

type Put = PeopleStore['put'];

/** Changes of operators queue here, so that two of them cannot each take away the other. */
const operatorsLockKey = 7_106_135;

export async function putPerson(
  database: Database,
  ...[name, change, by]: Parameters<Put>
): ReturnType<Put> {
  return database.transaction(`set person/${name}`, async (query) => {
    await query('wait for others', 'SELECT pg_advisory_xact_lock($1)', [operatorsLockKey]);
    const before = await findPerson(query, name);
    const after = {
      title: change.title ?? before?.title ?? name,
      operator: change.operator ?? before?.operator ?? false,
      disabled: change.disabled ?? before?.disabled ?? false,
    };
    const changed = (['title', 'operator', 'disabled'] as const).filter(
      (field) => before === null || before[field] !== after[field],
    );
    if (before !== null && changed.length === 0) return { outcome: 'unchanged', person: before };
    await query(
      'write',
      `INSERT INTO people (name, title, operator, disabled, created_by) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (name) DO UPDATE SET title = excluded.title, operator = excluded.operator,
         disabled = excluded.disabled`,
      [name, after.title, after.operator, after.disabled, by.actor],
    );
    if (before === null && by.role !== undefined) {
      await query(
        'join the default space',
        "INSERT INTO members (space, person, role) VALUES ('default', $1, $2)",
        [name, by.role],
      );
    }
    if (after.disabled)
      await query('end sessions', 'DELETE FROM sessions WHERE person = $1', [name]);
    const loses =
      before?.operator === true && !before.disabled && (after.disabled || !after.operator);
    if (loses) await refuseNoOperator(query, name);
    await insertEvent(query, `person/${name}`, {
      actor: by.actor,
      what: before === null ? 'added' : 'changed',
      why: words(after, changed),
      data: { ...after, changed },
    });
    const person = await findPerson(query, name);
    if (person === null) throw new Error(`person/${name} vanished under its lock`);
    return { outcome: before === null ? 'created' : 'changed', person };
  });
}

async function refuseNoOperator(query: Query, name: string): Promise<void> {
  if ((await countOperators(query)) > 0) return;
  throw new LabError(
    'conflict',
    `cannot take the rights of an operator from ${name}: nobody could run this installation any more; make somebody else operator first`,
  );
}

function words(
  after: { title: string; operator: boolean; disabled: boolean },
  changed: readonly string[],
): string {
  const said: string[] = [];
  if (changed.includes('title')) said.push(`called ${after.title}`);
  if (changed.includes('operator')) said.push(after.operator ? 'an operator' : 'no operator');
  if (changed.includes('disabled')) said.push(after.disabled ? 'disabled' : 'enabled');
  return said.join(', ');
}
