import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

const deploy = join(import.meta.dirname, '..', '..', 'deploy');
export const prometheusFolder = join(deploy, 'prometheus');

const rulesSchema = z.object({
  groups: z.array(
    z.object({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          record: z.string().optional(),
          alert: z.string().optional(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.record(z.string(), z.string()).optional(),
          annotations: z.record(z.string(), z.string()).optional(),
        }),
      ),
    }),
  ),
});

/** The rules that we ship, as written. */
export const rules = rulesSchema
  .parse(parse(readFileSync(join(prometheusFolder, 'rules.yml'), 'utf8')))
  .groups.flatMap((group) => group.rules);

const panelSchema = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string(),
  description: z.string().optional(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z.array(z.object({ expr: z.string(), legendFormat: z.string().optional() })).optional(),
});

/** Panels of the dashboard that we ship. */
export const panels = z
  .object({ panels: z.array(panelSchema) })
  .parse(JSON.parse(readFileSync(join(deploy, 'grafana', 'labkeeper.json'), 'utf8'))).panels;

/** Every expression that we ship, by where it stands. Grafana's own variables are filled in. */
export const expressions: readonly { where: string; expr: string }[] = [
  ...rules.map((rule) => ({ where: rule.alert ?? rule.record ?? '', expr: rule.expr })),
  ...panels.flatMap((panel) =>
    (panel.targets ?? []).map(({ expr }) => ({
      where: `panel ${panel.title}`,
      expr: expr.replaceAll('$__rate_interval', '1m'),
    })),
  ),
];

/** `name{label="value"}` in an expression. */
export interface Selector {
  text: string;
  name: string;
  matchers: { label: string; operator: string; value: string }[];
}

/**
 * The selectors of a PromQL expression. Everything else that looks like a name is a function, before
 * a parenthesis, an operator, or a label of `by` and its kind.
 */
export function selectorsOf(expr: string): Selector[] {
  const bare = expr.replaceAll(
    /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g,
    ' ',
  );
  const found: Selector[] = [];
  const names = /("[^"]*")|(?<![\w:])([a-zA-Z_:][\w:]*)\s*(?:(\()|(\{((?:[^}"]|"[^"]*")*)\}))?/g;
  for (const [, quoted, name, call, braces, inside = ''] of bare.matchAll(names)) {
    if (quoted !== undefined || name === undefined || call !== undefined) continue;
    if (operators.has(name)) continue;
    const matchers = [...inside.matchAll(/([a-z_]+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
      ([, label = '', operator = '', value = '']) => ({ label, operator, value }),
    );
    found.push({ text: `${name}${braces ?? ''}`, name, matchers });
  }
  return found;
}

/** Durations such as `[5m]` begin with a digit and are no names. */
const operators = new Set(['and', 'or', 'unless', 'bool', 'offset']);
