// What a page of a hostile app tries against the console, in its visitor's browser. Each function gives what it got:
// nothing, if all is well.

const patienceMs = 2_000;

/** Reads and changes, by every way that a script has. */
export async function tryAll({ consoleUrl, victim, code, assets }) {
  const got = [];
  const attempts = [
    ...reads(consoleUrl, victim),
    ...changes(consoleUrl, victim, code),
    ...elements(consoleUrl, victim, assets),
    ...streams(consoleUrl),
  ];
  for (const group of inGroupsOf(attempts, 12)) {
    const found = await Promise.all(group.map(attempt));
    got.push(...found.filter((one) => one !== null));
  }
  frames(consoleUrl, victim);
  forms(consoleUrl, victim, code);
  await pause(patienceMs);
  for (const frame of document.querySelectorAll('iframe[data-of=console]')) {
    if (readable(frame)) got.push(`frame ${frame.src}: ${frame.contentDocument.body.textContent}`);
  }
  return got;
}

/** Opens the console in a window of its own and reaches for it; the window stays open. */
export async function tryWindow(consoleUrl) {
  const got = [];
  const opened = window.open(`${consoleUrl}/account`, 'console');
  if (opened === null) return ['no window was opened'];
  await pause(patienceMs);
  const reach = {
    document: () => opened.document.body.textContent,
    address: () => opened.location.href,
    frames: () => (opened.length > 0 ? `${opened.length} frames` : null),
    storage: () => opened.localStorage.length,
    // A window of another browsing context group looks closed.
    handle: () => (opened.closed ? null : 'a window that is still ours'),
  };
  for (const [what, read] of Object.entries(reach)) {
    try {
      const found = read();
      if (found !== null) got.push(`window ${what}: ${found}`);
    } catch {
      // Refused by the browser: as it should be.
    }
  }
  try {
    opened.location = 'https://evil.example/';
  } catch {
    // As it should be.
  }
  opened.postMessage('give me everything', '*');
  return got;
}

/** Service workers that would stand before more than this app; gives what was registered. */
export async function tryWorkers({ consoleUrl, scopes, script: theirs }) {
  const tries = [
    ...scopes.map((scope) => ['worker.mjs', { scope }]),
    [consoleUrl + theirs, {}],
    ['worker.mjs', { scope: `${consoleUrl}/` }],
  ];
  const got = [];
  for (const [script, options] of tries) {
    try {
      const { scope } = await navigator.serviceWorker.register(script, options);
      got.push(`worker for ${scope}`);
    } catch {
      // As it should be.
    }
  }
  return got;
}

/**
 * Has its own address on the console answer in every way, page or not, with cookies and orders to the
 * browser; gives what its pages said from where they ran.
 */
export async function tryDoorstep(door) {
  const said = [];
  addEventListener('message', ({ data }) => said.push(data));
  for (const path of ['', 'clear', '?domain=lab.localhost', 'picture.svg', 'attack.mjs']) {
    const url = door + path;
    for (const options of [
      { mode: 'cors' },
      { mode: 'no-cors' },
      { mode: 'no-cors', method: 'POST' },
    ]) {
      await textOf(url, options).catch(() => null);
    }
    for (const make of Object.values(elementMakers)) document.body.append(make(url));
    await attempt(['import', () => import(url)]);
    for (const tag of ['iframe', 'object', 'embed']) {
      const frame = document.createElement(tag);
      frame[tag === 'object' ? 'data' : 'src'] = url;
      document.body.append(frame);
    }
    const target = `door-${Math.random()}`;
    document.body.append(Object.assign(document.createElement('iframe'), { name: target }));
    const form = formOf({ url, fields: { a: 'b' }, enctype: 'text/plain', target });
    document.body.append(form);
    form.submit();
    window.open(url);
    await attempt(['worker', () => navigator.serviceWorker.register(url)]);
  }
  await pause(patienceMs);
  return said;
}

/** Plants cookies under the names that labkeeper uses; gives those of labkeeper that it can read. */
export function tossCookies({ domains, values }) {
  const names = ['labkeeper_session', 'labkeeper_app', 'labkeeper_state'];
  const prefixed = ['__Host-labkeeper_session', '__Secure-labkeeper_app'];
  const before = document.cookie;
  for (const domain of domains) {
    for (const path of ['/', '/api', '/manage', '/account', '/open', '/login', '/app/victim/']) {
      for (const name of [...names, ...prefixed]) {
        for (const value of values) {
          const tail = domain === null ? '' : `; domain=${domain}`;
          document.cookie = `${name}=${value}; path=${path}${tail}`;
        }
      }
    }
  }
  // Also waits until all of them are written.
  if (document.cookie === before) return ['no cookie was planted'];
  return before.split('; ').filter((pair) => pair.includes('labkeeper'));
}

/** Fills the browser's jar for the whole site; gives its size in characters. */
export function fillJar(domain) {
  const tail = domain === null ? '' : `; domain=${domain}`;
  for (let number = 0; number < 200; number += 1) {
    document.cookie = `jar${number}=${'x'.repeat(3_900)}; path=/${tail}`;
  }
  // Also waits until all of them are written.
  return document.cookie.length;
}

function reads(base, victim) {
  const paths = [
    ...['/', '/manage', '/account', `/manage/app/${victim}`, '/login', `/open/${victim}`],
    ...['/api/v1/me', '/api/v1/apps', '/api/v1/events', '/api/v1/tokens', '/api/v1/people'],
    ...[`/api/v1/apps/${victim}/logs`, `/api/v1/apps/${victim}/links`, '/openapi.json'],
    ...['/internal/openings', '/metrics', '/health/ready'],
  ];
  return paths.flatMap((path) =>
    ['cors', 'no-cors', 'same-origin'].map((mode) => [
      `${mode} fetch of ${path}`,
      () => textOf(`${base}${path}`, { mode }),
    ]),
  );
}

/** What would change something, as [method, path, JSON, form]. */
function deeds(victim, code) {
  const at = `/api/v1/apps/${victim}`;
  const planted = { command: ['sleep', '1'] };
  return [
    ['POST', '/api/v1/apps', { name: 'planted', ...planted }],
    ['PUT', '/api/v1/apps/planted', planted],
    ['DELETE', at],
    ...['stop', 'restart', 'keep-awake'].map((word) => ['POST', `${at}/${word}`, {}]),
    ['POST', `${at}/links`, { label: 'planted' }],
    ['POST', '/api/v1/tokens', { label: 'planted' }],
    ['PUT', '/api/v1/people/mallory', { operator: true }],
    ['POST', '/api/v1/people/mallory/login-links', {}],
    ['PUT', '/api/v1/spaces/planted', {}],
    ['PUT', '/api/v1/spaces/default/members/mallory', { role: 'admin' }],
    ['PUT', '/api/v1/secrets/planted', { value: 'planted' }],
    ['POST', '/internal/openings', { questions: [] }],
    ['POST', '/account/tokens', null, { label: 'planted', expiresInMs: '604800000' }],
    ...['stop', 'restart', 'remove'].map((word) => [
      'POST',
      `/manage/app/${victim}/${word}`,
      null,
      { confirmed: victim },
    ]),
    ['POST', '/logout', null, {}],
    ['POST', '/login/link', null, { code, to: '/' }],
    ['POST', '/login/device', null, { code: 'BCDF-0000' }],
  ];
}

function changes(base, victim, code) {
  return deeds(victim, code).flatMap(([method, path, json, form]) => {
    const url = base + path;
    const body = json === null ? new URLSearchParams(form).toString() : JSON.stringify(json ?? {});
    const type = json === null ? 'application/x-www-form-urlencoded' : 'application/json';
    const named = (how) => `${how} ${method} ${path}`;
    const simple = ['text/plain', 'application/x-www-form-urlencoded'].map((simpleType) => [
      named(`no-cors ${simpleType}`),
      () =>
        textOf(url, {
          ...{ mode: 'no-cors', method: 'POST', body, headers: { 'content-type': simpleType } },
        }),
    ]);
    return [
      [named('cors'), () => textOf(url, { method, body, headers: { 'content-type': type } })],
      [named('keepalive'), () => textOf(url, { method, body, keepalive: true })],
      [named('XHR'), () => byXhr(method, url, body)],
      [named('beacon'), () => void navigator.sendBeacon(url, body)],
      ...simple,
    ];
  });
}

const elementMakers = {
  image: (url) => Object.assign(new Image(), { src: url }),
  script: (url) => Object.assign(document.createElement('script'), { src: url }),
  module: (url) =>
    Object.assign(document.createElement('script'), {
      ...{ type: 'module', crossOrigin: 'use-credentials', src: url },
    }),
  style: (url) => Object.assign(document.createElement('link'), { rel: 'stylesheet', href: url }),
  video: (url) => Object.assign(document.createElement('video'), { src: url, preload: 'auto' }),
};

function elements(base, victim, assets) {
  const targets = ['/', '/api/v1/me', `/manage/app/${victim}`, '/openapi.json', ...assets];
  return targets.flatMap((path) => [
    ...Object.entries(elementMakers).map(([what, make]) => [
      `${what} of ${path}`,
      () => loads(make(base + path)),
    ]),
    [`import of ${path}`, async () => Object.keys(await import(base + path)).join() || 'a module'],
    [`worker of ${path}`, () => byWorker(base + path)],
  ]);
}

function streams(base) {
  const url = `${base}/api/v1/events/stream`;
  return [
    ['WebSocket', () => opens(new WebSocket(url.replace(/^http/, 'ws')))],
    ['event stream', () => opens(new EventSource(url, { withCredentials: true }))],
  ];
}

/** Clickjacking: the console below the visitor's mouse. */
function frames(base, victim) {
  for (const tag of ['iframe', 'object', 'embed']) {
    for (const path of ['/', '/account', `/manage/app/${victim}`, '/login/device']) {
      const frame = document.createElement(tag);
      frame.dataset.of = 'console';
      frame[tag === 'object' ? 'data' : 'src'] = base + path;
      document.body.append(frame);
    }
  }
}

/** Forms send the session along; sandboxed ones come from nowhere (`Origin: null`). */
function forms(base, victim, code) {
  for (const [method, path, json, form] of deeds(victim, code)) {
    if (method !== 'POST') continue;
    const fields = form ?? { [JSON.stringify(json).slice(0, -1)]: '}' };
    for (const enctype of ['application/x-www-form-urlencoded', 'text/plain']) {
      const frame = document.createElement('iframe');
      frame.name = `form-${Math.random()}`;
      document.body.append(frame);
      const made = formOf({ url: base + path, fields, enctype, target: frame.name });
      document.body.append(made);
      made.submit();
    }
    const sandboxed = document.createElement('iframe');
    sandboxed.sandbox = 'allow-forms allow-scripts';
    const inner = formOf({ url: base + path, fields, enctype: 'multipart/form-data', target: '' });
    sandboxed.srcdoc = `${inner.outerHTML}<script>document.forms[0].submit()</script>`;
    document.body.append(sandboxed);
  }
}

function formOf({ url, fields, enctype, target }) {
  const form = document.createElement('form');
  Object.assign(form, { method: 'post', action: url, enctype, target });
  form.setAttribute('referrerpolicy', 'no-referrer');
  for (const [name, value] of Object.entries(fields)) {
    const field = document.createElement('input');
    field.setAttribute('type', 'hidden');
    field.setAttribute('name', name);
    field.setAttribute('value', value);
    form.append(field);
  }
  return form;
}

async function attempt([name, run]) {
  try {
    const found = await Promise.race([run(), pause(patienceMs)]);
    return found === undefined || found === null || found === '' ? null : `${name}: ${found}`;
  } catch {
    return null;
  }
}

async function textOf(url, options) {
  const signal = AbortSignal.timeout(patienceMs);
  const answer = await fetch(url, { credentials: 'include', signal, ...options });
  return answer.text();
}

function byXhr(method, url, body) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.withCredentials = true;
    request.addEventListener('load', () => done(`${request.status} ${request.responseText}`));
    request.addEventListener('error', () => done(null));
    request.open(method, url);
    request.send(body);
  });
}

function byWorker(url) {
  return new Promise((done) => {
    const inside = `try { importScripts(${JSON.stringify(url)}); postMessage('imported'); } catch { postMessage(''); }`;
    const worker = new Worker(URL.createObjectURL(new Blob([inside])));
    worker.addEventListener('message', ({ data }) => done(data));
    worker.addEventListener('error', () => done(null));
  });
}

function loads(element) {
  return new Promise((done) => {
    for (const event of ['load', 'loadedmetadata']) {
      element.addEventListener(event, () => done('it was loaded'));
    }
    element.addEventListener('error', () => done(null));
    document.body.append(element);
  });
}

function opens(stream) {
  return new Promise((done) => {
    stream.addEventListener('open', () => done('it is open'));
    stream.addEventListener('message', ({ data }) => done(data));
    stream.addEventListener('error', () => {
      stream.close();
      done(null);
    });
  });
}

function readable(frame) {
  try {
    return (frame.contentDocument?.body.textContent ?? '') !== '';
  } catch {
    return false;
  }
}

function* inGroupsOf(all, size) {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

const pause = (forMs) =>
  new Promise((done) => {
    setTimeout(done, forMs);
  });
