import { Hono } from 'hono';
import { dnsLabelPattern } from '../../model/names.ts';
import { spacesOf } from '../../model/roles.ts';
import type { ApiDependencies, ApiEnv } from '../dependencies.ts';
import { appFor } from '../present.ts';
import {
  countStatuses,
  filterAddress,
  listFiltered,
  readFilter,
  selectionOf,
} from './app-filter.ts';
import { concerns } from './attention.ts';
import { findOperation } from './find-operation.ts';
import { managePage } from './manage.tsx';

const rowsOfPage = 100;

/** `/manage`: what needs attention, and all apps that somebody may see. */
export function manageRoutes(
  deps: Pick<ApiDependencies, 'store' | 'settings' | 'pingTemporal'>,
): Hono<ApiEnv> {
  const { store, settings } = deps;
  return new Hono<ApiEnv>().get('/manage', async (context) => {
    const identity = context.get('identity');
    const visible = { spaces: spacesOf(identity.caller, 'app.see'), access: [] };
    const filter = readFilter(context);
    const after = context.req.query('after') ?? '';
    const first = dnsLabelPattern.test(after) ? after : '';
    const [rows, tallies, facets, found, operation] = await Promise.all([
      listFiltered(store, { filter, visible, first, limit: rowsOfPage + 1 }),
      store.apps.tally(selectionOf(filter, visible)),
      store.apps.facets(visible),
      concerns(deps, identity.caller),
      findOperation(context, store),
    ]);
    const apps = rows.slice(0, rowsOfPage).map((app) => appFor(identity.caller, app, settings));
    const last = rows.length > rowsOfPage ? apps.at(-1) : undefined;
    return context.html(
      managePage({
        identity,
        concerns: found,
        apps,
        filter,
        facets,
        counts: countStatuses(tallies),
        first: first === '' ? null : filterAddress(filter),
        next: last === undefined ? null : filterAddress(filter, last.name),
        operation,
      }),
    );
  });
}
