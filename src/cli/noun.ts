import { UsageError } from './exit-codes.ts';
import type { Action, Verb } from './verb.ts';

/** A verb whose first argument says what to do: `tokens create`. Without one it does the first action. */
export function noun({
  actions,
  ...given
}: Pick<Verb, 'name' | 'summary' | 'help'> & { actions: readonly [Action, ...Action[]] }): Verb {
  const most = Math.max(...actions.map(({ takes }) => takes.most));
  return {
    ...given,
    actions,
    usage: actions.map(({ name }) => name).join(' | '),
    json: actions.map(({ name, json }) => `${name}: ${json}`).join('; '),
    options: Object.assign({}, ...actions.map(({ options = {} }) => options)) as Verb['options'],
    takes: { least: 0, most: most + 1 },
    run(invocation) {
      const [name, ...rest] = invocation.arguments;
      const action = name === undefined ? actions[0] : actions.find((one) => one.name === name);
      if (action === undefined) {
        const known = actions.map((one) => one.name).join(', ');
        throw new UsageError(`${given.name} cannot ${name}: there are ${known}`);
      }
      refuseWrongUse(given.name, action, actions, invocation, rest.length);
      return action.run({ ...invocation, arguments: rest });
    },
  };
}

function refuseWrongUse(
  verb: string,
  action: Action,
  actions: readonly Action[],
  { flag, text }: Parameters<Verb['run']>[0],
  count: number,
): void {
  const usage = `labkeeper ${verb} ${action.name} ${action.usage}`.trimEnd();
  const { least, most } = action.takes;
  if (count < least || count > most) {
    throw new UsageError(
      `${count < least ? 'something is missing' : 'that is too much'}: ${usage}`,
    );
  }
  const own = action.options ?? {};
  for (const option of actions.flatMap(({ options = {} }) => Object.keys(options))) {
    if (option in own) continue;
    if (flag(option) || text(option) !== null) {
      throw new UsageError(`--${option} is not for ${verb} ${action.name}: ${usage}`);
    }
  }
}
