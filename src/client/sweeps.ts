import {
  submittedSweepSchema,
  sweepJsonSchema,
  sweepListSchema,
  sweepTableSchema,
  type SubmittedSweepJson,
  type SweepJson,
  type SweepListJson,
  type SweepTableJson,
} from '../model/sweep-api.ts';
import type { SweepInput } from '../model/sweep.ts';
import type { Transport } from './transport.ts';

export interface SweepMethods {
  /** Under an id of its own, or of yours; with either a repeat answers the same sweep. */
  submit(
    sweep: SweepInput,
    options?: { id?: string; idempotencyKey?: string },
  ): Promise<SubmittedSweepJson>;
  list(page?: { before?: string; limit?: number }): Promise<SweepListJson>;
  show(id: string): Promise<SweepJson>;
  /** Its jobs by index. */
  table(id: string, page?: { after?: string; limit?: number }): Promise<SweepTableJson>;
  /** The same as CSV, whole. */
  csv(id: string): Promise<string>;
  cancel(id: string, options?: { why?: string }): Promise<SweepJson>;
  /** Only one that is over. */
  remove(id: string, options?: { why?: string }): Promise<void>;
}

export function sweepMethods({ json, open }: Transport): SweepMethods {
  const pathOf = (id: string) => `/api/v1/sweeps/${encodeURIComponent(id)}`;
  return {
    submit: (sweep, { id, idempotencyKey } = {}) =>
      id === undefined
        ? json('/api/v1/sweeps', submittedSweepSchema, {
            method: 'POST',
            body: sweep,
            headers: { 'idempotency-key': idempotencyKey },
          })
        : json(pathOf(id), submittedSweepSchema, { method: 'PUT', body: sweep }),
    list: (page = {}) => json('/api/v1/sweeps', sweepListSchema, { query: page }),
    show: (id) => json(pathOf(id), sweepJsonSchema),
    table: (id, page = {}) => json(`${pathOf(id)}/jobs`, sweepTableSchema, { query: page }),
    async csv(id) {
      const answer = await open(`${pathOf(id)}/results.csv`, { headers: { accept: 'text/csv' } });
      return answer.text();
    },
    cancel: (id, options = {}) =>
      json(`${pathOf(id)}/cancel`, sweepJsonSchema, { method: 'POST', body: options }),
    async remove(id, { why } = {}) {
      const answer = await open(pathOf(id), { method: 'DELETE', query: { why } });
      await answer.body?.cancel();
    },
  };
}
