import { z } from 'zod';
import { openArchive } from './agent-archive.ts';
import { askAgent, type AgentAddress } from './agent-request.ts';

/** Reads what a job left, on the host of its last attempt. A host that does not answer is `host_unreachable`. */
export interface ArtifactReader {
  list(
    host: AgentAddress,
    job: string,
    page: { after?: string | undefined; limit: number },
    signal: AbortSignal,
  ): Promise<z.infer<typeof pageSchema>>;
  /**
   * The host's own answer for one file: 200, 206, 304, 404 or 416. The body comes as fast as it is read; whoever
   * takes the answer reads or cancels it.
   */
  open(
    host: AgentAddress,
    job: string,
    path: string,
    ask: { method: 'GET' | 'HEAD'; headers: Readonly<Record<string, string>>; signal: AbortSignal },
  ): Promise<Response>;
  /** All of it as tar.gz, as `openArchive` has it. */
  archive(
    host: AgentAddress,
    job: string,
    signal: AbortSignal,
  ): Promise<ReadableStream<Uint8Array> | null>;
}

const pageSchema = z.object({
  items: z.array(z.object({ path: z.string(), sizeBytes: z.number(), modifiedAtMs: z.number() })),
  next: z.string().nullable(),
  complete: z.boolean(),
});

/** The adapter over the agents' HTTP. `timeoutMs` bounds the wait for the beginning of each answer. */
export function agentArtifactReader(options: { token: string; timeoutMs: number }): ArtifactReader {
  return {
    async list(host, job, { after, limit }, signal) {
      const query = new URLSearchParams({ limit: String(limit) });
      if (after !== undefined) query.set('after', after);
      const wish = { ...options, accept: [], signal };
      const answer = await askAgent(host, `/jobs/${job}/artifacts?${query}`, wish);
      return pageSchema.parse(await answer.json());
    },
    open: (host, job, path, ask) =>
      askAgent(host, `/jobs/${job}/artifact?${new URLSearchParams({ path })}`, {
        ...options,
        ...ask,
        accept: [206, 304, 404, 416],
        streams: true,
      }),
    archive: (host, job, signal) =>
      openArchive(host, `/jobs/${job}/archive`, `what job/${job} left`, { ...options, signal }),
  };
}
