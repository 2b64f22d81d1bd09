import type { Context } from 'hono';
import { appStatuses, statusOf, type AppStatus } from '../../model/app-view.ts';
import { dnsLabelPattern } from '../../model/names.ts';
import { presetSchema, type PresetName } from '../../model/presets.ts';
import type { Visibility } from '../../store/people-ports.ts';
import type { App, AppSelection, AppTally, Store } from '../../store/ports.ts';

/** Which apps somebody asked for: it stands in the query of `/manage`, so that it can be kept and sent. */
export interface AppFilter {
  search: string;
  status: AppStatus | null;
  space: string | null;
  owner: string | null;
  preset: PresetName | null;
}

/** What is no filter reads as none: an old link still shows something. */
export function readFilter(context: Context): AppFilter {
  const { search, state, space, owner, preset } = context.req.query();
  return {
    search: plainText(search),
    status: appStatuses.find((status) => status === state) ?? null,
    space: space !== undefined && dnsLabelPattern.test(space) ? space : null,
    owner: plainText(owner) || null,
    preset: presetSchema.safeParse(preset).data ?? null,
  };
}

const plainText = (text: string | undefined): string =>
  (text ?? '').trim().slice(0, 128).replaceAll('\0', '');

/** The address of `/manage` with a filter, and the name to go on after. */
export function filterAddress(filter: AppFilter, after?: string): string {
  const { search, status, space, owner, preset } = filter;
  const fields = { search, state: status, space, owner, preset, after };
  const given = Object.entries(fields).filter((pair): pair is [string, string] => !!pair[1]);
  return given.length === 0 ? '/manage' : `/manage?${new URLSearchParams(given)}`;
}

export const isFiltered = (filter: AppFilter): boolean => filterAddress(filter) !== '/manage';

/** What the store understands of it; the status is derived, so it is not among that. */
export function selectionOf(filter: AppFilter, visible: Visibility): AppSelection {
  const { search, space, owner, preset } = filter;
  return {
    visible,
    ...(search === '' ? {} : { search }),
    ...(space === null ? {} : { space }),
    ...(owner === null ? {} : { owner }),
    ...(preset === null ? {} : { preset }),
  };
}

/** Phases that a status can have; `statusOf` decides among them. */
const phasesOf: Readonly<Record<AppStatus, readonly App['condition']['phase'][]>> = {
  asleep: ['none'],
  starting: ['none', 'starting', 'draining'],
  ready: ['ready'],
  restarting: ['restarting'],
  stopping: ['starting', 'ready', 'draining'],
  failed: ['failed'],
  removing: ['none', 'starting', 'ready', 'draining', 'restarting', 'failed'],
};

/** At most `limit` apps that fit, by name, after `first`. */
export async function listFiltered(
  { apps }: Pick<Store, 'apps'>,
  { filter, visible, first, limit }: FilteredPage,
): Promise<App[]> {
  const { status } = filter;
  const found: App[] = [];
  for (let after = first; found.length < limit;) {
    const rows = await apps.list({
      ...selectionOf(filter, visible),
      after,
      limit,
      ...(status === null ? {} : { phases: phasesOf[status] }),
    });
    found.push(
      ...rows.filter(({ condition }) => status === null || statusOf(condition) === status),
    );
    const last = rows.at(-1);
    if (last === undefined || rows.length < limit) break;
    after = last.name;
  }
  return found.slice(0, limit);
}

interface FilteredPage {
  filter: AppFilter;
  visible: Visibility;
  first: string;
  limit: number;
}

/** How many apps have each status. */
export function countStatuses(tallies: readonly AppTally[]): Map<AppStatus, number> {
  const counts = new Map<AppStatus, number>();
  for (const { count, ...condition } of tallies) {
    const status = statusOf(condition);
    counts.set(status, (counts.get(status) ?? 0) + count);
  }
  return counts;
}
