import type { ArchiveFormat } from '../model/volume-api.ts';
import { openArchive } from './agent-archive.ts';
import type { AgentAddress } from './agent-request.ts';

/** Reads volumes where they live. */
export interface VolumeReader {
  /** Opens the archive of a volume, as `openArchive` has it. */
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
    archive: (host, volume, format, signal) =>
      openArchive(host, `/volumes/${volume}/archive?format=${format}`, `volume/${volume}`, {
        ...options,
        signal,
      }),
  };
}
