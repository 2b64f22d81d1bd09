import { appSpecSchema, type AppSpec, type Learned } from '../../../model/app-spec.ts';
import type { Exit } from '../../../model/app-state.ts';
import type { AppCondition } from '../../../model/app-view.ts';
import type { App } from '../../ports.ts';

/** A row of `apps`; its CHECK constraints guarantee the unions. */
export interface AppRow extends Record<string, unknown> {
  name: string;
  space: string;
  owner: string;
  spec: unknown;
  spec_revision: number;
  learned: Learned | null;
  life: string;
  revision: string;
  wanted: AppCondition['wanted'];
  phase: AppCondition['phase'];
  generation: number;
  host: string | null;
  since: Date;
  actor: string;
  why: string;
  detail: string | null;
  restart_at: Date | null;
  sleeps_at: Date | null;
  exit: Exit | null;
  last_log_lines: string[];
  created_at: Date;
  updated_at: Date;
}

export const conditionColumns = `apps.wanted, apps.phase, apps.generation, apps.host, apps.since,
  apps.actor, apps.why, apps.detail, apps.restart_at, apps.sleeps_at, apps.exit,
  apps.last_log_lines`;

export const appColumns = `apps.name, apps.space, apps.owner, apps.spec, apps.spec_revision, apps.learned,
  apps.life, apps.revision, apps.created_at, apps.updated_at, ${conditionColumns}`;

export function toApp(row: AppRow): App {
  return {
    name: row.name,
    space: row.space,
    owner: row.owner,
    spec: toSpec(row.name, row.spec),
    specRevision: row.spec_revision,
    learned: row.learned,
    condition: toCondition(row),
    mark: { life: Number(row.life), revision: Number(row.revision) },
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}

export function toCondition(row: AppRow): AppCondition {
  return {
    wanted: row.wanted,
    phase: row.phase,
    generation: row.generation,
    host: row.host,
    since: row.since.toISOString(),
    actor: row.actor,
    why: row.why,
    detail: row.detail,
    restartAt: row.restart_at?.toISOString() ?? null,
    sleepsAt: row.sleeps_at?.toISOString() ?? null,
    exit: row.exit,
    lastLogLines: row.last_log_lines,
  };
}

/** Parsed again, so that a definition written before a field existed gets that field's default. */
export function toSpec(name: string, value: unknown): AppSpec {
  const parsed = appSpecSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new Error(`cannot read the definition of app/${name}: ${parsed.error.message}`);
}
