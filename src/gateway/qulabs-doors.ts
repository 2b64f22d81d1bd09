import type { Config } from '../config.ts';
import { admission } from '../listener-admission.ts';
import { needsWord, parseListenerAccess } from '../model/listener-access.ts';
import { qulabsPath } from '../model/qulabs.ts';
import type { Dialect } from './dialect.ts';
import { qulabsError, type QulabsDoor } from './qulabs.ts';
import type { RequestHead } from './http/head.ts';

/** The three ways in of this gateway, from its settings; `appsPort` is the one that was taken. */
export function qulabsDoors(
  config: Config,
  appsPort: number,
): Record<QulabsDoor['listener'], QulabsDoor> {
  const access = parseListenerAccess(config.LABKEEPER_QULABS_ACCESS ?? '');
  const { LABKEEPER_BIND: bind, LABKEEPER_AUTHENTICATION: authentication } = config;
  const shared = admission(access, !needsWord(bind, authentication));
  const scheme = config.LABKEEPER_TLS_CERT_FILE === undefined ? 'http' : 'https';
  const onConsole = pathOf(config.LABKEEPER_CONSOLE_URL) + qulabsPath;
  const onApps = pathOf(config.LABKEEPER_APPS_URL) + qulabsPath;
  const onOwn = pathOf(config.LABKEEPER_QULABS_URL);
  return {
    own: {
      listener: 'own',
      mount: '',
      publicMount: onOwn,
      // Its start was refused where the access has to be spelled out and is not.
      admits: admission(access, true),
      documentsAt: null,
      dialect: dialectOf(onOwn, ''),
    },
    console: {
      listener: 'console',
      mount: qulabsPath,
      publicMount: onConsole,
      admits: shared,
      documentsAt: (head) =>
        config.LABKEEPER_APPS_URL?.replace(/\/+$/, '') ?? sibling(head, scheme, appsPort),
      // Whatever a browser makes of an answer, it is no page of the console's origin.
      dialect: dialectOf(onConsole, 'Content-Security-Policy: sandbox\r\n'),
    },
    apps: {
      listener: 'apps',
      mount: qulabsPath,
      publicMount: onApps,
      admits: shared,
      documentsAt: null,
      dialect: dialectOf(onApps, ''),
    },
  };
}

function dialectOf(mount: string, answerLines: string): Dialect {
  return { holdsCalls: false, tellsRefusals: true, mount, answerLines, error: qulabsError };
}

const pathOf = (url: string | undefined): string =>
  url === undefined ? '' : new URL(url).pathname.replace(/\/+$/, '');

/** The apps listener under the name by which this one was reached. */
function sibling(head: RequestHead, scheme: 'http' | 'https', port: number): string {
  const host = /^(\[[^\]]*\]|[^:]*)/.exec(head.host)?.[1] ?? '';
  return `${scheme}://${host === '' ? 'localhost' : host}:${port}`;
}
