import type { AppPlanJson } from '../model/api.ts';
import { planOf } from '../model/app-plan.ts';
import type { AppSpec } from '../model/app-spec.ts';
import { LabError } from '../model/failures.ts';
import { may, type Caller } from '../model/roles.ts';
import type { App, Store } from '../store/ports.ts';
import { requireMay } from './auth/authorize.ts';

/** The dry run of a registration: refuses for the same reasons as far as they can be known, and changes nothing. */
export async function planRegistration(
  store: Pick<Store, 'apps' | 'secrets' | 'spaces'>,
  { name, spec, caller }: { name: string; spec: AppSpec; caller: Caller },
): Promise<AppPlanJson> {
  const existing = await store.apps.find(name);
  requireRegister(caller, { name, space: spec.space, existing });
  if ((await store.spaces.find(spec.space)) === null) {
    const message = `there is no space named ${spec.space}`;
    throw new LabError('invalid', `cannot register app/${name}: ${message}`, {
      details: { errors: [{ path: 'space', message }] },
    });
  }
  const plan = planOf(name, existing, spec);
  return {
    name,
    outcome: existing === null ? 'created' : plan.effect === 'nothing' ? 'unchanged' : 'replaced',
    ...plan,
    warnings: await missingSecrets(store, spec),
    specRevision: existing?.specRevision ?? 0,
  };
}

/** Its host may have them as files or variables, so that is a warning and no refusal. */
async function missingSecrets(
  { secrets }: Pick<Store, 'secrets'>,
  { space, secrets: named }: AppSpec,
): Promise<string[]> {
  const names = [...new Set(Object.values(named))].sort();
  const found = await Promise.all(
    names.map((name) => secrets.find({ space, kind: 'value', name })),
  );
  return names
    .filter((_, at) => found[at] === null)
    .map(
      (name) =>
        `the secret ${name} is not set in the space ${space}: unless its host has it, the app cannot start`,
    );
}

/** Who may register a new app, replace the one that has the name, and move it to another space. */
export function requireRegister(
  caller: Caller,
  { name, space, existing }: { name: string; space: string; existing: App | null },
): void {
  if (existing !== null) {
    if (!may(caller, 'app.see', existing)) {
      throw new LabError(
        'conflict',
        `cannot register app/${name}: the name is taken; choose another`,
      );
    }
    requireMay(caller, 'app.change', existing, `app/${name}`);
  }
  if (existing === null || existing.space !== space) {
    requireMay(caller, 'app.register', { space, owner: null }, `the space ${space}`);
  }
}
