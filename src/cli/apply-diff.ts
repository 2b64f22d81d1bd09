import type { AppPlanJson } from '../model/api.ts';
import { plain, tinted, type Terminal } from './terminal.ts';

type Tone = Parameters<typeof tinted>[1];

const effects: Readonly<Record<AppPlanJson['effect'], readonly [Tone, string]>> = {
  created: ['good', 'would be created'],
  nothing: ['soft', 'no change'],
  'at once': ['busy', 'would change at once'],
  'next wake': ['busy', 'would change at its next wake'],
  restart: ['bad', 'would restart'],
};

/** What a registration would do to one app, field by field. */
export function planText(terminal: Pick<Terminal, 'colors'>, plan: AppPlanJson): string {
  const [tone, words] = effects[plan.effect];
  const head = `app/${plan.name}  ${tinted(terminal, tone, words)}\n`;
  if (plan.effect === 'nothing') return head;
  const changes = plan.changes.map((change) => `  ${changeText(terminal, change)}\n`);
  const warnings = plan.warnings.map(
    (warning) => `  ${tinted(terminal, 'bad', '!')} ${plain(warning)}\n`,
  );
  return `${head}  ${plain(plan.explanation)}\n${changes.join('')}${warnings.join('')}`;
}

function changeText(
  terminal: Pick<Terminal, 'colors'>,
  { path, before, after }: AppPlanJson['changes'][number],
): string {
  const field = plain(path);
  if (before === null) return `${tinted(terminal, 'good', '+')} ${field}: ${value(after)}`;
  if (after === null) return `${tinted(terminal, 'bad', '-')} ${field}: ${value(before)}`;
  return `${tinted(terminal, 'busy', '~')} ${field}: ${value(before)} → ${value(after)}`;
}

const value = (given: unknown): string => plain(JSON.stringify(given));
