import { STATUS_CODES } from 'node:http';
import { headerOf, type RequestHead } from './head.ts';

/** A whole answer of the gateway itself. */
export interface Answer {
  status: number;
  headers: readonly (readonly [string, string])[];
  body: string | Buffer;
}

export function statusText(status: number): string {
  return STATUS_CODES[status] ?? 'Unknown';
}

/**
 * An error in the form its reader asked for: a small page for browsers, plain text for people at a
 * terminal, problem+json for everybody else.
 */
export function errorAnswer(
  head: Pick<RequestHead, 'names' | 'values'>,
  status: number,
  why: string,
  options: { retryAfterSeconds?: number; title?: string } = {},
): Answer {
  const title = options.title ?? statusText(status);
  const common: [string, string][] = [
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
  ];
  if (options.retryAfterSeconds !== undefined) {
    common.push(['Retry-After', String(options.retryAfterSeconds)]);
  }
  const accept = headerOf(head, 'accept');
  if (accept.includes('text/html')) {
    return {
      status,
      headers: [
        ['Content-Type', 'text/html; charset=utf-8'],
        [
          'Content-Security-Policy',
          "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'",
        ],
        ...common,
      ],
      body: errorPage(title, why),
    };
  }
  if (accept.startsWith('text/plain')) {
    return {
      status,
      headers: [['Content-Type', 'text/plain; charset=utf-8'], ...common],
      body: `${title}: ${why}\n`,
    };
  }
  return {
    status,
    headers: [['Content-Type', 'application/problem+json'], ...common],
    body: `${JSON.stringify({ type: 'about:blank', title, status, detail: why })}\n`,
  };
}

export function redirect(status: 301 | 303 | 307 | 308, location: string): Answer {
  return {
    status,
    headers: [
      ['Location', location],
      ['Cache-Control', 'no-store'],
    ],
    body: '',
  };
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Colours and type of the gateway's own pages: they must stand alone, the console may be down. */
export const pageStyle = `:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--tone:#0b6bcb;--bad:#b42318}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--paper:#0f141a;--line:#30363d;--tone:#6cb6ff;--bad:#ff8a80}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:36rem}h1{font-size:1.35rem;line-height:1.3;margin:0 0 .5rem;overflow-wrap:anywhere}p{margin:.5rem 0;color:var(--soft);overflow-wrap:anywhere}`;

function errorPage(title: string, why: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escapeHtml(title)}</title><style>${pageStyle}</style></head><body><main><h1>${escapeHtml(title)}</h1><p>${escapeHtml(asSentence(why))}</p></main></body></html>`;
}

function asSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?)]$/.test(text) ? '' : '.'}`;
}
