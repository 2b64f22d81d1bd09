/**
 * What runs in the browser, on pages that have `data-stream` or a log. The server renders
 * everything: when something happened, the page is asked for again and what differs is put in, at
 * most once a second, or as the page says. Without it pages read and act the same, and show what was when they were loaded.
 */
export const liveScript = `
const main = document.querySelector('main');
const live = document.getElementById('live');
const news = document.getElementById('news');
const { stream, every, least } = main.dataset;
const leastMs = Number(least ?? 1000);
let source = null;
let timer = null;
let isLoading = false;
let isDue = false;
let loadedAtMs = 0;

/** Something happened: look again, soon and not too often. */
function look() {
  isDue = true;
  if (timer !== null || isLoading) return;
  timer = setTimeout(load, Math.max(100, loadedAtMs + leastMs - performance.now()));
}

async function load() {
  timer = null;
  isDue = false;
  isLoading = true;
  loadedAtMs = performance.now();
  try {
    const answer = await fetch(location.href, { headers: { accept: 'text/html' }, cache: 'no-store' });
    if (answer.status >= 500) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
    const before = statuses(document);
    morph(main, page.querySelector('main'));
    document.title = page.title;
    tell(before, statuses(document));
    say('Live');
  } catch {
    say('Not live: trying again');
    setTimeout(look, 3000);
  }
  isLoading = false;
  if (isDue) look();
}

const statuses = (root) =>
  new Map([...root.querySelectorAll('main [data-entity]')].map((one) => [one.dataset.entity, one.dataset]));

/** Says to those who cannot see it what changed its state. */
function tell(before, after) {
  const changed = [...after].filter(([name, { status }]) => before.has(name) && before.get(name).was !== status);
  for (const [, data] of after) data.was = data.status;
  if (changed.length > 0) news.textContent = changed.map(([, data]) => data.title + ': ' + data.words).join('. ');
}

/** Makes one tree like the other and keeps what need not change: focus, open details, what is typed. */
function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || (old.id ?? '') !== (fresh.id ?? '')) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.hasAttribute('data-still')) return;
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && name !== 'open' && name !== 'data-was') old.removeAttribute(name);
  }
  const [olds, freshs] = [[...old.childNodes], [...fresh.childNodes]];
  freshs.forEach((child, at) => (at < olds.length ? morph(olds[at], child) : old.append(child)));
  olds.slice(freshs.length).forEach((child) => child.remove());
}

function say(words) {
  if (live.textContent !== words) live.textContent = words;
}

/** Tabs nobody looks at hold no connection: browsers allow six to one server. */
function listen() {
  source?.close();
  source = null;
  if (document.visibilityState !== 'visible') return;
  source = new EventSource(stream);
  // What happened while nobody listened is on the page that is loaded now.
  source.addEventListener('open', look);
  source.addEventListener('error', () => say('Not live: trying again'));
  for (const kind of ['app', 'app-removed', 'job', 'job-removed', 'event']) source.addEventListener(kind, look);
}

if (stream !== undefined) {
  for (const [, data] of statuses(document)) data.was = data.status;
  listen();
  document.addEventListener('visibilitychange', listen);
  addEventListener('pagehide', () => source?.close());
  addEventListener('pageshow', (event) => event.persisted && listen());
}
if (every !== undefined) {
  setInterval(() => document.visibilityState === 'visible' && look(), Number(every));
}

/** Goes on with a log where the page was opened, and stays at its end unless somebody scrolled up. */
async function follow(log) {
  const stop = new AbortController();
  document.addEventListener('visibilitychange', () => stop.abort(), { once: true });
  addEventListener('pagehide', () => stop.abort(), { once: true });
  try {
    const answer = await fetch(log.dataset.log, { signal: stop.signal, headers: { accept: 'text/plain' } });
    if (!answer.ok) throw new Error(String(answer.status));
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    const paint = logPainter(log);
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const isAtEnd = log.scrollTop + log.clientHeight >= log.scrollHeight - 8;
      paint(value);
      if (isAtEnd) log.scrollTop = log.scrollHeight;
    }
  } catch {
    say('Not live: trying again');
  }
  if (stop.signal.aborted) followWhenSeen(log);
  else setTimeout(() => goesOn(log) && followWhenSeen(log), 3000);
}

function followWhenSeen(log) {
  if (document.visibilityState === 'visible') follow(log);
  else document.addEventListener('visibilitychange', () => goesOn(log) && followWhenSeen(log), { once: true });
}

/** What is over has written its last line, and that was read. */
const goesOn = (log) => log.isConnected && log.closest('[data-over]') === null;

/** A question that was opened is closed again without the mouse, and leaves one where it was. */
addEventListener('keydown', ({ key }) => {
  const question = key === 'Escape' ? document.activeElement?.closest('details.confirm[open]') : null;
  if (!question) return;
  question.open = false;
  question.querySelector('summary').focus();
});

for (const log of document.querySelectorAll('[data-log]')) {
  log.scrollTop = log.scrollHeight;
  followWhenSeen(log);
}
// What is shown once is chosen already: it only has to be copied.
for (const input of document.querySelectorAll('.once input')) {
  input.addEventListener('focus', () => input.select());
  input.focus();
}
for (const form of document.querySelectorAll('form[data-filter]')) {
  form.addEventListener('input', () => {
    const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ''));
    history.replaceState(null, '', query.size === 0 ? location.pathname : '?' + query);
    look();
  });
}
`;
