import type { Context } from 'hono';
import { jobStates, type JobState } from '../../model/job-state.ts';
import { dnsLabelPattern } from '../../model/names.ts';
import type { JobSelection } from '../../store/job-ports.ts';
import { searchIn } from './paging.ts';

/** Which jobs somebody asked for: it stands in the query of `/manage/jobs`, so that it can be kept and sent. */
export interface JobFilter {
  search: string;
  state: JobState | null;
  owner: string;
  space: string | null;
  /** `key=value`, or empty. */
  tag: string;
}

/** What is no filter reads as none: an old link still shows something. */
export function readJobFilter(context: Context): JobFilter {
  const { search, state, owner, space, tag } = context.req.query();
  return {
    search: searchIn(search),
    state: jobStates.find((one) => one === state) ?? null,
    owner: searchIn(owner),
    space: space !== undefined && dnsLabelPattern.test(space) ? space : null,
    tag: searchIn(tag),
  };
}

/** The address of `/manage/jobs` with a filter, and the number to go on before. */
export function jobsAddress(filter: JobFilter, before?: number): string {
  const given = Object.entries({ ...filter, before: before === undefined ? null : String(before) });
  const fields = given.filter((pair): pair is [string, string] => !!pair[1]);
  return fields.length === 0 ? '/manage/jobs' : `/manage/jobs?${new URLSearchParams(fields)}`;
}

export const isJobFiltered = (filter: JobFilter): boolean => jobsAddress(filter) !== '/manage/jobs';

/** What the store understands of it. A tag without `=` finds nothing, rather than everything. */
export function jobSelectionOf(
  { search, state, owner, space, tag }: JobFilter,
  spaces: readonly string[] | null,
): JobSelection {
  const at = tag.indexOf('=');
  const tags = at < 0 ? { [tag]: '' } : { [tag.slice(0, at)]: tag.slice(at + 1) };
  return {
    spaces,
    ...(search === '' ? {} : { search }),
    ...(state === null ? {} : { states: [state] }),
    ...(owner === '' ? {} : { owner }),
    ...(space === null ? {} : { space }),
    ...(tag === '' ? {} : { tags }),
  };
}

/** The number to read on before; what is none reads as the first page. */
export function numberIn(text: string | undefined): number | null {
  const number = Number(text ?? Number.NaN);
  return Number.isSafeInteger(number) && number > 0 ? number : null;
}
