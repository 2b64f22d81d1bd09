import type { OpevaDependencies } from './index.ts';

import { isRecord } from '../../../model/is-record.ts';

/** The keys that the second generation reads beside a result. */
export async function simulationData(
  id: string,
  result: Record<string, unknown>,
  { sharedFolder }: Pick<OpevaDependencies, 'sharedFolder'>,
): Promise<Record<string, unknown>> {
  const place = `jobs/${id}/results/simulation_data`;
  const sessions = await sharedFolder.listFolders(place);
  const own = await sharedFolder.list(place);
  const newest = sessions.toSorted((one, other) => other.modifiedAtMs - one.modifiedAtMs)[0];
  const available = newest !== undefined || own.length > 0;
  const session = newest?.name ?? (available ? 'root' : null);
  return {
    simulation_data_available: available,
    simulation_data_session_default: session,
    simulation_data_dir: available ? place : null,
    kpi_source: kpiSource(
      result,
      own.some(({ name }) => name === 'exported_kpis.csv'),
    ),
  };
}

function kpiSource(result: Record<string, unknown>, isExported: boolean): string {
  if (isExported) return 'simulation_data/exported_kpis.csv';
  const { evaluation, kpis } = result;
  if (isRecord(evaluation) && evaluation['kpis'] !== undefined) return 'result.evaluation.kpis';
  return kpis === undefined ? 'unknown' : 'result.kpis';
}
