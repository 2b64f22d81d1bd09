import { fileURLToPath } from 'node:url';
import { request } from 'undici';
import type { AppSpecInput } from '../../src/model/app-spec.ts';

const program = fileURLToPath(new URL('./apps/echo.mjs', import.meta.url));

/** A real app that starts as fast as Node does; `environment` makes it misbehave. */
export function echoApp(
  changes: Partial<AppSpecInput> & { environment?: Record<string, string> } = {},
): AppSpecInput {
  return {
    command: [process.execPath, program],
    health: { path: '/health', startDeadlineMs: 20_000 },
    stopGraceMs: 1_000,
    restart: { initialDelayMs: 50, maxDelayMs: 200, maxRestarts: 3, windowMs: 60_000 },
    ...changes,
  };
}

/** Opens a page as a browser does when a person follows a link. */
export async function visitPage(
  url: string,
): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  const answer = await request(url, {
    headers: {
      accept: 'text/html,application/xhtml+xml',
      'sec-fetch-site': 'none',
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0',
    },
  });
  return { status: answer.statusCode, headers: answer.headers, body: await answer.body.text() };
}
