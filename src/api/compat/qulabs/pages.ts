import { randomBytes } from 'node:crypto';
import type { Context } from 'hono';
import { html, raw } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import type { LabState } from './lab-state.ts';

/** A page that stands alone: no file of labkeeper's console, since its listener may be another. */
interface Page {
  title: string;
  body: HtmlEscapedString | Promise<HtmlEscapedString>;
  script?: string;
}

/** Sends a page; nothing runs in it but its own script, and nothing is loaded from elsewhere. */
export function sendPage(
  context: Context,
  page: Page,
  status: 200 | 404 = 200,
): Response | Promise<Response> {
  const nonce = randomBytes(12).toString('base64');
  const text = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${page.title}</title>
        <link rel="icon" href="data:," />
        <style nonce="${nonce}">
          ${raw(style)}
        </style>
      </head>
      <body>
        <main>${page.body}</main>
        ${
          page.script === undefined
            ? ''
            : html`<script nonce="${nonce}">
                ${raw(page.script)};
              </script>`
        }
      </body>
    </html>`;
  return context.html(text, status, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'content-security-policy': `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`,
  });
}

/** Follows the state of an app and goes to it; addresses are relative, so any prefix may be in front. */
export function loadingPage(id: string, state: LabState): Page {
  const stopped = state.running_status === 'stopped';
  return {
    title: `${id}: ${stopped ? 'stopped' : 'starting'}`,
    body: html`<h1 id="headline">${stopped ? 'Stopped' : 'Starting'}</h1>
      <p id="name">${id}</p>
      <p id="sentence" role="status" aria-live="polite">
        ${stopped ? 'It is not running.' : waits}
      </p>
      <p id="error" ${state.error === null ? raw('hidden') : ''}>${state.error ?? ''}</p>
      <p id="again" ${stopped ? '' : raw('hidden')}>
        <a class="button" href="../loading/${id}">Start it again</a>
      </p>
      <noscript><p>Without scripts this page does not go on by itself: load it again.</p></noscript>
      <span id="data" data-status="../status/${id}" hidden></span>`,
    script: loadingScript,
  };
}

export function notFoundPage(): Page {
  return {
    title: 'Lab not found',
    body: html`<h1>Lab not found</h1>
      <p>There is no lab at this address. It may have been deleted, or the link is mistyped.</p>
      <p><a class="button" href="../apps">All labs</a></p>`,
  };
}

export function listPage(
  labs: readonly { lab_id: string; docker_image: string; running_status: string }[],
  mount: string,
): Page {
  return {
    title: 'Labs',
    body: html`<h1>Labs</h1>
      ${labs.length === 0 ? html`<p>None is registered yet.</p>` : ''}
      <ul>
        ${labs.map(
          ({ lab_id, docker_image, running_status }) =>
            html`<li>
              <a href="${mount}/app/${lab_id}">${lab_id}</a>
              <span>${running_status} · ${docker_image}</span>
            </li>`,
        )}
      </ul>`,
  };
}

const waits = 'It starts and opens by itself when it is ready.';

/** Polls, which wakes nothing and counts for nothing; what a poll meets is no reason to stop. */
const loadingScript = `(()=>{const at=i=>document.getElementById(i),status=at('data').dataset.status;
const show=s=>{const stopped=s.running_status==='stopped';if(s.running_status==='running'){location.replace(s.url);return}
at('headline').textContent=stopped?'Stopped':'Starting';at('sentence').textContent=stopped?'It is not running.':${JSON.stringify(waits)};
if(s.error||!stopped){at('error').textContent=s.error||'';at('error').hidden=!s.error}at('again').hidden=!stopped};
const look=()=>fetch(status,{headers:{accept:'application/json'},cache:'no-store',credentials:'omit'}).then(r=>r.ok?r.json().then(show):undefined).catch(()=>{}).then(()=>setTimeout(look,1500));
setTimeout(look,500)})()`;

const style = `:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--paper:#fff;--line:#d0d7de;--tone:#0b6bcb;--bad:#b42318}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4af;--paper:#0f141a;--line:#30363d;--tone:#6cb6ff;--bad:#ff8a80}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:36rem}h1{font-size:1.35rem;margin:0 0 .5rem}p,li span{color:var(--soft);overflow-wrap:anywhere}#name{color:var(--ink);font-weight:600}#error{color:var(--bad)}
ul{list-style:none;padding:0}li{padding:.5rem 0;border-top:1px solid var(--line);display:flex;flex-wrap:wrap;gap:.25rem 1rem}a{color:var(--tone);overflow-wrap:anywhere}
.button{display:inline-block;padding:.5rem 1rem;border-radius:.4rem;background:var(--tone);color:var(--paper);text-decoration:none;font-weight:600}a:focus-visible{outline:3px solid var(--ink);outline-offset:2px}[hidden]{display:none}`;
