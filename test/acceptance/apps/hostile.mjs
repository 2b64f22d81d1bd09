// An app that means harm: its pages try what hostile-page.mjs tries, and it writes down what visitors send it.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';

const script = readFileSync(new URL('./hostile-page.mjs', import.meta.url));
const seen = [];

/** Says to whoever opened or framed it where it runs, and what the console tells it there. */
const inside = `<script>
  const outside = opener ?? parent;
  const say = (what) => outside.postMessage(self.origin + ' ' + what, '*');
  if (outside !== self) fetch('/api/v1/me').then((answer) => answer.text()).then(say, say);
</script>`;

const server = createServer((request, response) => {
  const url = new URL(request.url ?? '/', 'http://app');
  if (url.pathname === '/health') return response.end('ok');
  if (url.pathname === '/seen') return response.end(JSON.stringify(seen));
  seen.push({ url: request.url, headers: request.rawHeaders });
  if (url.pathname.endsWith('.mjs')) {
    // Asks for more than its own folder.
    response.setHeader('service-worker-allowed', '/');
    response.setHeader('content-type', 'text/javascript');
    return response.end(url.pathname === '/worker.mjs' ? 'onfetch = () => {};' : script);
  }
  const domain = url.searchParams.get('domain');
  const tail = domain === null ? '' : `; Domain=${domain}`;
  response.setHeader('set-cookie', [
    `labkeeper_session=planted; Path=/${tail}`,
    `labkeeper_app=planted; Path=/${tail}`,
    'own=mine; Path=/',
  ]);
  if (url.pathname === '/clear') {
    response.setHeader('clear-site-data', '"cookies", "storage", "executionContexts"');
  }
  if (url.pathname.endsWith('.svg')) {
    response.setHeader('content-type', 'image/svg+xml');
    return response.end(`<svg xmlns="http://www.w3.org/2000/svg">${inside}</svg>`);
  }
  response.setHeader('content-type', 'text/html');
  return response.end(`<!doctype html><title>Harmless</title><p>nothing to see</p>${inside}`);
});
server.listen(Number(process.env.PORT), '127.0.0.1');
