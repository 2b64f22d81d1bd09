import type { ResponseHead } from './http/head.ts';
import { headerOf } from './http/head.ts';

/** The tag put behind an app's pages. */
export function tabTag(base: string): Buffer {
  return Buffer.from(`<script src="${base}/.labkeeper/tab.js" async></script>`, 'latin1');
}

/** Whether the tag may be added: a whole, plain page whose policy lets it load and listen. */
export function takesTag(head: ResponseHead): boolean {
  if (head.status !== 200) return false;
  if (!/^text\/html(?:$|[ ;])/i.test(headerOf(head, 'content-type'))) return false;
  const encoding = headerOf(head, 'content-encoding');
  if (encoding !== '' && encoding.toLowerCase() !== 'identity') return false;
  if (headerOf(head, 'digest') !== '' || headerOf(head, 'content-digest') !== '') return false;
  return head.names.every((name, index) => {
    return name !== 'content-security-policy' || allowsTag(head.values[index] ?? '');
  });
}

/** Content-Security-Policy, as far as it concerns a script and an event stream of our own origin. */
function allowsTag(policy: string): boolean {
  // Several policies in one header all apply.
  return policy.split(',').every((one) => {
    const directives = new Map<string, string[]>();
    for (const part of one.split(';')) {
      const [name = '', ...sources] = part.trim().split(/\s+/);
      if (!directives.has(name.toLowerCase())) directives.set(name.toLowerCase(), sources);
    }
    if (directives.has('sandbox') || directives.has('require-trusted-types-for')) return false;
    const fallback = directives.get('default-src');
    const scripts =
      directives.get('script-src-elem') ?? directives.get('script-src') ?? fallback ?? null;
    const connections = directives.get('connect-src') ?? fallback ?? null;
    return (
      ownOriginIn(scripts) && !scripts?.includes("'strict-dynamic'") && ownOriginIn(connections)
    );
  });
}

function ownOriginIn(sources: string[] | null): boolean {
  return sources === null || sources.includes("'self'") || sources.includes('*');
}

/**
 * What an open tab runs: follows the app's news, offers "keep awake" shortly before it falls asleep
 * and says when it sleeps. In a shadow root, so that app and bar do not dress each other; a bar that
 * only changes its words keeps the focus.
 */
export const tabScript = `(()=>{if(window.__labkeeperTab)return;window.__labkeeperTab=1;
const at=new URL('.',document.currentScript?document.currentScript.src:location.href).href;
let bar=null,line=null,shown='',warn=0,poll=0;
const hide=()=>{if(bar){bar.remove();bar=null}};
const show=(text,label,act)=>{if(bar&&bar.isConnected&&shown===label){if(line.textContent!==text)line.textContent=text;return}
hide();shown=label;bar=document.createElement('labkeeper-bar');const r=bar.attachShadow({mode:'closed'});
const s=new CSSStyleSheet();s.replaceSync(':host{all:initial}div{position:fixed;z-index:2147483647;right:1rem;bottom:1rem;max-width:calc(100vw - 2rem);box-sizing:border-box;display:flex;flex-wrap:wrap;gap:.75rem;align-items:center;padding:.6rem .9rem;border:1px solid #fff4;border-radius:.5rem;background:#1b1f24;color:#fff;font:14px/1.4 system-ui,sans-serif;box-shadow:0 4px 16px #0006}button{font:inherit;font-weight:600;border:0;border-radius:.3rem;padding:.35rem .7rem;background:#6cb6ff;color:#10151b;cursor:pointer}button:focus-visible{outline:2px solid #fff;outline-offset:2px}');r.adoptedStyleSheets=[s];
const d=document.createElement('div');d.setAttribute('role','status');line=document.createElement('span');line.textContent=text;d.append(line);
const b=document.createElement('button');b.type='button';b.textContent=label;b.addEventListener('click',act);d.append(b);r.append(d);document.documentElement.append(bar)};
const keep=()=>{hide();fetch(at+'keep-awake',{method:'POST',credentials:'omit'}).then(()=>setTimeout(look,1500),()=>{})};
const minutes=ms=>{const m=Math.ceil(ms/60000);return m<=1?'in less than a minute':'in about '+m+' minutes'};
const look=()=>fetch(at+'state',{credentials:'omit',cache:'no-store'}).then(r=>r.json()).then(tell,()=>{});
const tell=n=>{clearTimeout(warn);clearTimeout(poll);const name=n.title;
if(n.status==='asleep'||n.status==='failed'){show(name+(n.status==='asleep'?' is asleep.':' has failed.'),n.status==='asleep'?'Wake it':'Try again',()=>location.reload());return}
if(n.status==='stopping'){show(name+' is falling asleep.','Wake it',()=>location.reload());return}
if(n.status!=='ready'||n.sleepsInMs===null){hide();return}
const inMs=n.sleepsInMs-n.warnBeforeMs;if(inMs>0){hide();warn=setTimeout(look,Math.min(inMs+50,2147483647));return}
show(name+' falls asleep '+minutes(n.sleepsInMs)+'.','Keep awake',keep);poll=setTimeout(look,Math.max(1000,Math.min(15000,n.sleepsInMs+500)))};
const listen=()=>{const s=new EventSource(at+'events?view=tab');s.onmessage=e=>tell(JSON.parse(e.data));addEventListener('pagehide',()=>s.close(),{once:true})};
listen();addEventListener('pageshow',e=>{if(e.persisted)listen()})})()`;
