import type { Context } from 'hono';
import { qulabsFamily } from '../../../model/qulabs.ts';
import type { ForeignApp } from '../../../store/deployment-ports.ts';
import { acceptClassOf } from './accept.ts';
import type { QulabsDependencies } from './index.ts';
import { isClosed, labStateOf, recordOf } from './lab-state.ts';
import { mountOf, type Mount } from './mount.ts';
import { listPage, sendPage } from './pages.ts';

const pageSize = 500;

/** GET of the list: an array for programs, a page with links for browsers (L1). */
export async function listLabs(context: Context, deps: QulabsDependencies): Promise<Response> {
  const mount = mountOf(context, deps.settings);
  const labs: ReturnType<typeof listed>[] = [];
  for (let after = ''; ;) {
    const page = await deps.store.foreignIds.list({
      family: qulabsFamily,
      after,
      limit: pageSize,
    });
    const shown = page.filter((lab) => !isClosed(lab, deps.settings));
    labs.push(...shown.map((lab) => listed(lab, mount)));
    const last = page.at(-1);
    if (last === undefined || page.length < pageSize) break;
    after = last.externalId;
  }
  if (acceptClassOf(context) === 'browser') return sendPage(context, listPage(labs, mount.path));
  return context.json(labs, 200, { 'cache-control': 'no-store' });
}

function listed(lab: ForeignApp, mount: Mount) {
  return {
    lab_id: lab.externalId,
    app_name: lab.externalId,
    ...recordOf(lab),
    running_status: labStateOf(lab).running_status,
    url: urlOf(lab, mount),
  };
}

/** Absolute address of the app itself. */
export const urlOf = ({ externalId }: ForeignApp, { origin, path }: Mount): string =>
  `${origin}${path}/${externalId}/`;
