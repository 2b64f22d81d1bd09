import { randomBytes } from 'node:crypto';
import { escapeHtml, pageStyle, type Answer } from './http/answer.ts';
import type { AppNews } from './view.ts';

/** A waiting page made ready: what differs from visit to visit is put between its pieces. */
export interface WaitingPage {
  pieces: readonly string[];
}

/**
 * Renders the page of one state of one app, once; every visit only fills in a nonce and its own
 * address. It stands alone: no file, no font, no console needed. `base` is the app's public base.
 */
export function renderWaitingPage(news: AppNews, base: string): WaitingPage {
  const waits = news.status !== 'failed' && news.status !== 'asleep' && news.status !== 'removing';
  const refresh = waits
    ? `<noscript><meta http-equiv="refresh" content="2;url=${base}/.labkeeper/wait?to=${toMark}"></noscript>`
    : '';
  const title = escapeHtml(news.title);
  const headline = news.headline ?? headlines[news.status];
  const text = `<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">
<title>${title}: ${headline.toLowerCase()}</title>${refresh}
<style nonce="${nonceMark}">${pageStyle}${style}</style></head>
<body data-base="${base}" data-to="${toMark}" data-status="${news.status}"><main>
<h1><span id="dot" aria-hidden="true"></span><span id="headline">${headline}</span></h1>
<p id="name">${title}</p>
<p id="sentence" role="status" aria-live="polite">${escapeHtml(news.sentence)}</p>
<p id="trouble"${news.trouble === null ? ' hidden' : ''}>${escapeHtml(news.trouble ?? '')}</p>
<pre id="lines"${news.lines.length === 0 ? ' hidden' : ''} tabindex="0" aria-label="Last log lines">${escapeHtml(news.lines.join('\n'))}</pre>
<p id="again"${waits ? ' hidden' : ''}><a id="button" href="${toMark}">${buttons[news.status] ?? 'Try again'}</a></p>
</main><script nonce="${nonceMark}">${script}</script></body></html>`;
  return { pieces: text.split(marks) };
}

/** The page for one visit; `to` is the address asked for: path and query. */
export function waitingAnswer(page: WaitingPage, to: string): Answer {
  const nonce = randomBytes(12).toString('base64');
  const address = escapeHtml(asAddress(to));
  const query = encodeURIComponent(asAddress(to));
  let body = '';
  for (const piece of page.pieces) {
    if (piece === nonceMark) body += nonce;
    else if (piece === toMark) body += body.endsWith('wait?to=') ? query : address;
    else body += piece;
  }
  return {
    status: 200,
    headers: [
      ['Content-Type', 'text/html; charset=utf-8'],
      ['Cache-Control', 'no-store'],
      ['X-Content-Type-Options', 'nosniff'],
      ['Referrer-Policy', 'same-origin'],
      [
        'Content-Security-Policy',
        `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`,
      ],
    ],
    body,
  };
}

const nonceMark = '\u0001nonce\u0001';
const toMark = '\u0001to\u0001';
const marks = /(\u0001nonce\u0001|\u0001to\u0001)/;

/** Addresses are latin1 bytes here: what is not ASCII is written as percent escapes. */
function asAddress(path: string): string {
  return path.replace(/[^\x21-\x7e]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`;
  });
}

const headlines: Record<AppNews['status'], string> = {
  asleep: 'Asleep',
  starting: 'Starting',
  ready: 'Ready',
  restarting: 'Restarting',
  stopping: 'Falling asleep',
  failed: 'Failed',
  removing: 'Being removed',
};

const buttons: Partial<Record<AppNews['status'], string>> = {
  asleep: 'Wake it',
  failed: 'Try again',
};

const style = `
#dot{display:inline-block;width:.7em;height:.7em;margin-right:.5em;border-radius:50%;background:var(--tone);animation:beat 1.4s ease-in-out infinite}
[data-status=failed] #dot,[data-status=removing] #dot{background:var(--bad);animation:none}[data-status=asleep] #dot{background:var(--soft);animation:none}
@keyframes beat{50%{opacity:.25}}@media(prefers-reduced-motion:reduce){#dot{animation:none}}
#name{color:var(--ink);font-weight:600;margin-top:0}#trouble{color:var(--bad)}
pre{max-height:16rem;overflow:auto;margin:1rem 0;padding:.75rem;border:1px solid var(--line);border-radius:.4rem;font:12px/1.5 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
#button{display:inline-block;padding:.5rem 1rem;border-radius:.4rem;background:var(--tone);color:var(--paper);text-decoration:none;font-weight:600}#button:focus-visible{outline:3px solid var(--ink);outline-offset:2px}[hidden]{display:none}`;

/** Follows the app's news; goes on to the app once, when it is ready, and never loops. */
const script = `(()=>{const b=document.body,d=b.dataset,$=i=>document.getElementById(i),H=${JSON.stringify(headlines)},B=${JSON.stringify(buttons)};let gone=false;
const go=()=>{if(gone)return;gone=true;const u=new URL(d.to,location.href);u.pathname+u.search===location.pathname+location.search?location.reload():location.replace(u.href)};
const show=n=>{d.status=n.status;const h=n.headline||H[n.status];$('headline').textContent=h;document.title=n.title+': '+h.toLowerCase();$('sentence').textContent=n.sentence;
$('trouble').textContent=n.trouble||'';$('trouble').hidden=!n.trouble;const l=$('lines');l.textContent=n.lines.join('\\n');l.hidden=!n.lines.length;if(!l.hidden)l.scrollTop=l.scrollHeight;
const w=n.status!=='failed'&&n.status!=='asleep'&&n.status!=='removing';$('again').hidden=w;if(!w)$('button').textContent=B[n.status]||'Try again';if(n.status==='ready')go()};
$('button').addEventListener('click',e=>{e.preventDefault();location.assign(d.to)});
const s=new EventSource(d.base+'/.labkeeper/events?view=wait');s.onmessage=e=>show(JSON.parse(e.data));
s.onerror=()=>{$('trouble').textContent='The connection was lost. Trying again.';$('trouble').hidden=false}})()`;
