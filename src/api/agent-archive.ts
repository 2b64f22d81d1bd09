import { LabError } from '../model/failures.ts';
import { askAgent, type AgentAddress } from './agent-request.ts';

/**
 * Opens an archive that an agent streams: a body that comes as fast as it is read, and fails when it cannot be whole.
 * Null when the host has none. Throws `host_unreachable`, or `no_capacity` when the agent streams as many as it may or
 * cannot begin. The signal ends the wait; cancelling the body ends it.
 */
export async function openArchive(
  host: AgentAddress,
  path: string,
  what: string,
  options: { token: string; timeoutMs: number; signal: AbortSignal },
): Promise<ReadableStream<Uint8Array> | null> {
  const wish = { ...options, accept: [404, 503], streams: true };
  const response = await askAgent(host, path, wish);
  if (response.ok) return response.body;
  const words = (await response.text()).trim().slice(0, 500);
  if (response.status === 404) return null;
  throw new LabError('no_capacity', `cannot archive ${what} on ${host.name}: ${words}`);
}
