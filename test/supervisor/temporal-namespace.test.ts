import { randomUUID } from 'node:crypto';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prepareNamespace } from '../../src/supervisor/temporal-namespace.ts';
import { connectTemporal, type TemporalBed } from '../beds/temporal.ts';
import { requirePart } from '../beds/require.ts';

const keyword = 2;
const bool = 5;
const ours = {
  AppState: keyword,
  Host: keyword,
  Kind: keyword,
  NeedsAttention: keyword,
  Owner: keyword,
};

describe.runIf(requirePart('temporal'))('preparing a Temporal namespace', () => {
  let bed: TemporalBed;
  let connection: Connection;
  beforeAll(async () => {
    bed = await connectTemporal();
    connection = await Connection.connect({ address: bed.address });
  });
  afterAll(async () => {
    await connection.close();
    await bed.close();
  });

  /** A namespace of its own, with attributes that somebody registered before. */
  async function namespaceWith(searchAttributes: Record<string, number>): Promise<string> {
    const namespace = `prepared-${randomUUID().slice(0, 8)}`;
    await connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    if (Object.keys(searchAttributes).length > 0) {
      await connection.operatorService.addSearchAttributes({ namespace, searchAttributes });
    }
    return namespace;
  }
  const prepare = (namespace: string, deadlineMs = 20_000) =>
    prepareNamespace({ connection: { address: bed.address }, namespace, deadlineMs });
  const attributesOf = async (namespace: string) =>
    (await connection.operatorService.listSearchAttributes({ namespace })).customAttributes;

  it('registers what operators filter by, once, beside what others registered', async () => {
    const namespace = await namespaceWith({ Theirs: bool });
    await prepare(namespace);
    await prepare(namespace);
    expect(await attributesOf(namespace)).toEqual({ ...ours, Theirs: bool });
  });

  it('replaces the one that the first version registered with another type', async () => {
    const namespace = await namespaceWith({ NeedsAttention: bool, Kind: keyword });
    await prepare(namespace);
    expect(await attributesOf(namespace)).toEqual(ours);
  });

  it('refuses, at once, a namespace where a name of ours means something else', async () => {
    const namespace = await namespaceWith({ Owner: bool });
    await expect(prepare(namespace, 600_000)).rejects.toThrow(
      /search attributes Owner have another type than Keyword; use a namespace of labkeeper’s own/,
    );
    expect(await attributesOf(namespace)).toEqual({ Owner: bool });
  });
});
