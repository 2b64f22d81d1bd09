import { LabError } from '../model/failures.ts';
import type { ArchiveFormat } from '../model/volume-api.ts';
import { askAgent, type AgentAddress } from './agent-request.ts';

/** Reads volumes where they live. */
export interface VolumeReader {
  /**
   * Opens the archive of a volume: a body that comes as fast as it is read, and fails when it cannot be
   * whole. Null when the host has no folder of it. Throws `host_unreachable`, or `no_capacity` when the agent
   * streams as many as it may or cannot begin. The signal ends the wait; cancelling the body ends it.
   */
  archive(
    host: AgentAddress,
    volume: string,
    format: ArchiveFormat,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array> | null>;
}

/** The adapter over the agents' HTTP. `timeoutMs` bounds the wait for the first bytes. */
export function agentVolumeReader(options: { token: string; timeoutMs: number }): VolumeReader {
  return {
    async archive(host, volume, format, signal) {
      const path = `/volumes/${volume}/archive?format=${format}`;
      const wish = { ...options, accept: [404, 503], signal, streams: true };
      const response = await askAgent(host, path, wish);
      if (response.ok) return response.body;
      const words = (await response.text()).trim().slice(0, 500);
      if (response.status === 404) return null;
      throw new LabError(
        'no_capacity',
        `cannot archive volume/${volume} on ${host.name}: ${words}`,
      );
    },
  };
}
