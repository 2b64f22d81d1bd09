import { avoid, inTurn, type Apis } from './apis.ts';
import { forward, type ForwardFailure } from './forward.ts';
import { requestHeadFor } from './headers.ts';
import { errorAnswer, type Answer } from './http/answer.ts';
import { answer, type Exchange } from './http/connection.ts';
import { believeProxy, type TrustedProxies } from './proxies.ts';
import type { UpstreamPool } from './upstream.ts';

/** What serving the console needs; made once a process. */
export interface ConsoleGateway {
  pool: UpstreamPool;
  apis: Apis;
  proxies: TrustedProxies;
  /** Proves to the API that it is a gateway that speaks for a proxy; null when there is no secret. */
  secret: string | null;
}

/** Serves one request of the console listener: everything goes to an API but its internal side. */
export function serveConsole(gateway: ConsoleGateway, exchange: Exchange): void {
  const { proxies, secret } = gateway;
  const { head } = exchange;
  if (isInternal(head.path)) {
    answer(exchange, errorAnswer(head, 404, 'there is nothing at this address'));
    return;
  }
  believeProxy(proxies, exchange);
  const { person } = exchange.side;
  const personLines =
    person === null || secret === null
      ? ''
      : `X-Labkeeper-Proxy-Proof: ${secret}\r\nX-Labkeeper-Proxy-Person: ${person}\r\n`;
  passToApi(gateway, exchange, {
    path: head.path,
    addedLines: personLines,
    refusal: (failure) => {
      const why =
        failure.kind === 'refused'
          ? 'labkeeper’s control plane is not running at the moment. Apps go on; try again in a few seconds.'
          : `labkeeper’s control plane gave no usable answer: ${failure.why}. Try again in a few seconds.`;
      const status = failure.kind === 'unreadable' ? 502 : 503;
      return errorAnswer(head, status, why, {
        retryAfterSeconds: 2,
        title: 'Console not available',
      });
    },
  });
}

interface Passing {
  path: string;
  /** Header lines of ours for the API, each with its CRLF; a visitor cannot send any of that name. */
  addedLines: string;
  /** The answer when no API gives one. */
  refusal: (failure: ForwardFailure) => Answer;
}

/**
 * Hands a request to an API. One that cannot be reached hands over to the next, as long as nothing of
 * the request is used up.
 */
export function passToApi(
  gateway: ConsoleGateway,
  exchange: Exchange,
  passing: Passing,
  turn: readonly number[] = inTurn(gateway.apis),
): void {
  const { pool, apis, proxies } = gateway;
  const { head } = exchange;
  const [index = 0, ...others] = turn;
  const target = apis.targets[index];
  if (target === undefined) throw new Error('a gateway without an API: LABKEEPER_API_URL is empty');
  forward({
    exchange,
    pool,
    target,
    head: requestHeadFor(head, {
      path: passing.path,
      visitor: exchange.side,
      prefix: '',
      dropOwnCookies: false,
      personHeader: proxies.personHeader,
      personLines: passing.addedLines,
      identity: false,
    }),
    rewrite: { base: '', inner: '', host: head.host, dropOwnCookies: false },
    onEnd: () => {},
    onFailure: (failure) => {
      if (failure.kind === 'refused') avoid(apis, index);
      if (failure.repeatable && others.length > 0) {
        passToApi(gateway, exchange, passing, others);
      } else answer(exchange, passing.refusal(failure));
    },
  });
}

/** However it is spelled: with escapes, doubled slashes, dot segments, capitals. */
export function isInternal(path: string): boolean {
  let plain = path.split(/[?#]/, 1)[0] ?? '';
  for (let round = 0; round < 3 && plain.includes('%'); round += 1) {
    plain = plain.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
  }
  const segments: string[] = [];
  for (const segment of plain.replaceAll('\\', '/').split('/')) {
    if (segment === '..') segments.pop();
    else if (segment !== '' && segment !== '.') segments.push(segment.split(';', 1)[0] ?? '');
  }
  return segments[0]?.toLowerCase().trim() === 'internal';
}
