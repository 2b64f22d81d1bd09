import { isRecord } from './is-record.ts';
import { fieldsThatRestart, type AppSpec } from './app-spec.ts';
import { statusOf, type AppCondition } from './app-view.ts';
import { canonicalJson } from './canonical-json.ts';

/** What becomes of an app when its definition is replaced. */
export const planEffects = ['created', 'nothing', 'at once', 'next wake', 'restart'] as const;
export type PlanEffect = (typeof planEffects)[number];

export interface PlannedChange {
  /** Path of the field, such as `limits.memoryBytes`. */
  path: string;
  /** Null where it was not set. */
  before: unknown;
  /** Null where it is not set any more. */
  after: unknown;
}

/** What a registration would do, told before it is done. */
export interface AppPlan {
  effect: PlanEffect;
  changes: PlannedChange[];
  /** One sentence: what happens to the app, and why. */
  explanation: string;
}

/** Compares what is registered, null for a new app, with what would be. Changes nothing. */
export function planOf(
  name: string,
  existing: { spec: AppSpec; condition: Pick<AppCondition, 'wanted' | 'phase'> } | null,
  after: AppSpec,
): AppPlan {
  if (existing === null) {
    const next = after.alwaysOn
      ? 'starts at once, since it is always on'
      : 'sleeps until somebody opens it';
    const explanation = `${name} is new: it is registered, and ${next}.`;
    return { effect: 'created', changes: [], explanation };
  }
  const changes = changesBetween(existing.spec, after);
  if (existing.condition.wanted === 'gone') {
    const explanation = `${name} is being removed: this registers it again.`;
    return { effect: 'created', changes, explanation };
  }
  if (changes.length === 0) {
    return { effect: 'nothing', changes, explanation: `${name} has this definition already.` };
  }
  return { changes, ...effectOn(name, existing, after) };
}

function effectOn(
  name: string,
  existing: Parameters<typeof planOf>[1] & object,
  after: AppSpec,
): Pick<AppPlan, 'effect' | 'explanation'> {
  const fields = fieldsThatRestart(existing.spec, after);
  const status = statusOf(existing.condition);
  const runs = status !== 'asleep' && status !== 'failed' && status !== 'stopping';
  if (!runs && after.alwaysOn) {
    const explanation = `${name} is not running: it starts with the new definition, since it is always on.`;
    return { effect: fields.length === 0 ? 'at once' : 'next wake', explanation };
  }
  if (fields.length === 0) {
    const explanation = `${name} takes this over at once: nothing restarts.`;
    return { effect: 'at once', explanation };
  }
  if (!runs) {
    const explanation = `${name} is not running: its next wake uses the new definition.`;
    return { effect: 'next wake', explanation };
  }
  return {
    effect: 'restart',
    explanation: `This restarts ${name}, because what runs cannot take over ${listed(fields)}. Who has it open meets the waiting page meanwhile.`,
  };
}

const listed = (fields: readonly string[]): string =>
  fields.length === 1
    ? `a new ${fields[0]}`
    : `new ${fields.slice(0, -1).join(', ')} and ${fields.at(-1)}`;

/** Leaf by leaf; a list is one leaf, since its items have no names. */
function changesBetween(before: unknown, after: unknown, path = ''): PlannedChange[] {
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return keys.flatMap((key) =>
      changesBetween(before[key], after[key], path === '' ? key : `${path}.${key}`),
    );
  }
  if (canonicalJson([before]) === canonicalJson([after])) return [];
  return [{ path, before: before ?? null, after: after ?? null }];
}
