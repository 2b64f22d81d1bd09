/** How many body bytes follow a head, and how they are framed. */
export type Framing = 'none' | 'length' | 'chunked' | 'until-close';

export interface RequestHead {
  method: string;
  /** Path and query as the visitor sent them, byte for byte (latin1); always starts with a slash. */
  path: string;
  /** HTTP/1.0 clients get no chunked answers. */
  http10: boolean;
  /** The authority the visitor named: from an absolute target, else the Host header; may be ''. */
  host: string;
  /** Lower-cased names, and beside each its value without surrounding blanks and its whole line. */
  names: string[];
  values: string[];
  lines: string[];
  framing: Framing;
  contentLength: number;
  keepAlive: boolean;
  /** The request asks to become a WebSocket. */
  upgrade: boolean;
  expectsContinue: boolean;
  /** Lower-cased header names that the Connection header declares hop-by-hop; usually empty. */
  connectionNames: readonly string[];
}

export interface ResponseHead {
  status: number;
  reason: string;
  names: string[];
  values: string[];
  lines: string[];
  framing: Framing;
  contentLength: number;
  keepAlive: boolean;
  /** Seconds the server keeps an idle connection, when it says so. */
  keepAliveSeconds: number | null;
  connectionNames: readonly string[];
}

/** Why a head is refused: the status for a client, and the reason in plain words. */
export interface HeadRefusal {
  status: 400 | 405 | 417 | 501 | 505;
  why: string;
}

/** `value` of the first header of that (lower-case) name, or ''. */
export function headerOf(head: { names: string[]; values: string[] }, name: string): string {
  const index = head.names.indexOf(name);
  return index === -1 ? '' : (head.values[index] ?? '');
}

/**
 * Parses a request head (without its final empty line). Strict, since anything two parsers may read
 * differently is how requests are smuggled: RFC 9112 §2.2, §3.2, §5.1, §5.2, §6.3.
 */
export function parseRequestHead(text: string): RequestHead | HeadRefusal {
  if (forbiddenBytes.test(text)) return refuse('the head holds control characters');
  const end = text.indexOf('\r\n');
  const line = end === -1 ? text : text.slice(0, end);
  const parsed = requestLine.exec(line);
  if (parsed === null) return refuse('the request line is malformed');
  const [, method = '', target = '', version = ''] = parsed;
  if (version !== '1' && version !== '0') {
    return { status: 505, why: 'only HTTP/1.1 and HTTP/1.0 are spoken here' };
  }
  const http10 = version === '0';
  if (method === 'CONNECT') return { status: 405, why: 'CONNECT is not offered' };
  const fields = parseFields(text, end === -1 ? text.length : end + 2);
  if ('why' in fields) return fields;
  const { names, values, lines } = fields;

  let host: string | null = null;
  let contentLength = -1;
  let chunked = false;
  let connection = '';
  let upgradeTo = '';
  let expectsContinue = false;
  let webSocketKey = false;
  for (let index = 0; index < names.length; index += 1) {
    const value = values[index] ?? '';
    switch (names[index] as string) {
      case 'host':
        if (host !== null) return refuse('there are two Host headers');
        if (!hostValue.test(value)) return refuse('the Host header is malformed');
        host = value;
        break;
      case 'content-length':
        if (contentLength !== -1) return refuse('there are two Content-Length headers');
        if (!digits.test(value)) return refuse('the Content-Length is no number');
        contentLength = Number(value);
        break;
      case 'transfer-encoding':
        if (chunked) return refuse('there are two Transfer-Encoding headers');
        if (value.toLowerCase() !== 'chunked') {
          return { status: 501, why: 'the only Transfer-Encoding understood is chunked' };
        }
        chunked = true;
        break;
      case 'connection':
        connection = connection === '' ? value : `${connection},${value}`;
        break;
      case 'upgrade':
        upgradeTo = value.toLowerCase();
        break;
      case 'sec-websocket-key':
        webSocketKey = true;
        break;
      case 'expect':
        if (value.toLowerCase() !== '100-continue') {
          return { status: 417, why: 'the only expectation understood is 100-continue' };
        }
        expectsContinue = !http10;
        break;
    }
  }
  if (chunked && contentLength !== -1) {
    return refuse('Content-Length and Transfer-Encoding exclude each other');
  }
  if (chunked && http10) return refuse('HTTP/1.0 knows no Transfer-Encoding');
  if (host === null && !http10) return refuse('HTTP/1.1 needs a Host header');

  let path = target;
  if (!target.startsWith('/')) {
    const absolute = absoluteTarget.exec(target);
    if (absolute === null) return refuse('the request target is malformed');
    host = absolute[1] ?? '';
    if (host === '' || !hostValue.test(host)) return refuse('the request target has a bad host');
    path = absolute[2] ?? '';
    if (!path.startsWith('/')) path = `/${path}`;
  }
  const tokens = connection === '' ? noNames : splitTokens(connection);
  const keepAlive = http10 ? tokens.includes('keep-alive') : !tokens.includes('close');
  return {
    method,
    path,
    http10,
    host: host ?? '',
    names,
    values,
    lines,
    framing: chunked ? 'chunked' : contentLength > 0 ? 'length' : 'none',
    contentLength,
    keepAlive,
    upgrade:
      !http10 &&
      !chunked &&
      contentLength <= 0 &&
      webSocketKey &&
      upgradeTo === 'websocket' &&
      tokens.includes('upgrade'),
    expectsContinue,
    connectionNames: tokens,
  };
}

/** Parses a response head (without its final empty line); a string says why it is unreadable. */
export function parseResponseHead(text: string, requestMethod: string): ResponseHead | string {
  if (forbiddenBytes.test(text)) return 'its head holds control characters';
  const end = text.indexOf('\r\n');
  const line = end === -1 ? text : text.slice(0, end);
  const parsed = statusLine.exec(line);
  if (parsed === null) return 'its status line is malformed';
  const http10 = parsed[1] === '0';
  const status = Number(parsed[2]);
  const fields = parseFields(text, end === -1 ? text.length : end + 2);
  if ('why' in fields) return fields.why;
  const { names, values, lines } = fields;
  let contentLength = -1;
  let chunked = false;
  let connection = '';
  let keepAliveSeconds: number | null = null;
  for (let index = 0; index < names.length; index += 1) {
    const value = values[index] ?? '';
    switch (names[index] as string) {
      case 'content-length': {
        if (!digits.test(value)) return 'its Content-Length is no number';
        const length = Number(value);
        if (contentLength !== -1 && contentLength !== length) {
          return 'its Content-Length headers contradict each other';
        }
        contentLength = length;
        break;
      }
      case 'transfer-encoding':
        if (value.toLowerCase() !== 'chunked') return `its Transfer-Encoding is ${value}`;
        chunked = true;
        break;
      case 'connection':
        connection = connection === '' ? value : `${connection},${value}`;
        break;
      case 'keep-alive': {
        const seconds = /(?:^|[ ,;])timeout=(\d{1,6})/i.exec(value)?.[1];
        keepAliveSeconds = seconds === undefined ? null : Number(seconds);
        break;
      }
    }
  }
  const tokens = connection === '' ? noNames : splitTokens(connection);
  const bodyless =
    requestMethod === 'HEAD' || status === 204 || status === 304 || (status >= 100 && status < 200);
  const framing: Framing = bodyless
    ? 'none'
    : chunked
      ? 'chunked'
      : contentLength >= 0
        ? contentLength === 0
          ? 'none'
          : 'length'
        : 'until-close';
  const persistent = http10 ? tokens.includes('keep-alive') : !tokens.includes('close');
  return {
    status,
    reason: parsed[3] ?? '',
    names,
    values,
    lines,
    framing,
    contentLength,
    // A server that sends both framings is confused: its connection is not used again.
    keepAlive: persistent && framing !== 'until-close' && !(chunked && contentLength !== -1),
    keepAliveSeconds,
    connectionNames: tokens,
  };
}

/** The fields of a trailer section, or why it is refused. */
export function parseTrailers(text: string): { names: string[]; lines: string[] } | HeadRefusal {
  if (forbiddenBytes.test(text)) return refuse('the trailers hold control characters');
  return parseFields(text, 0);
}

const noNames: readonly string[] = [];
/** Control characters, a CR without LF, a LF without CR. Tab is allowed inside values. */
const forbiddenBytes = /[^\P{Cc}\t\r\n\x80-\x9f]|\r(?!\n)|(?<!\r)\n/u;
const requestLine =
  /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([0-9])$/;
const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: (.*))?$/;
const absoluteTarget = /^[hH][tT][tT][pP][sS]?:\/\/([^/?#]*)(.*)$/;
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** What may stand in a Host header: an authority, or nothing. */
export const hostValue = /^(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::\d{0,5})?$/;
const digits = /^\d{1,15}$/;

function refuse(why: string): HeadRefusal {
  return { status: 400, why };
}

function parseFields(
  text: string,
  from: number,
): { names: string[]; values: string[]; lines: string[] } | HeadRefusal {
  const names: string[] = [];
  const values: string[] = [];
  const lines: string[] = [];
  let start = from;
  while (start < text.length) {
    let end = text.indexOf('\r\n', start);
    if (end === -1) end = text.length;
    const colon = text.indexOf(':', start);
    if (colon === -1 || colon >= end) return refuse('a header line has no colon');
    const name = text.slice(start, colon).toLowerCase();
    // Refuses folded lines and blanks before the colon too: both begin or end the name.
    if (!fieldName.test(name)) return refuse('a header name is malformed');
    names.push(name);
    values.push(trimBlanks(text, colon + 1, end));
    lines.push(text.slice(start, end));
    start = end + 2;
  }
  return { names, values, lines };
}

function trimBlanks(text: string, from: number, to: number): string {
  let start = from;
  let end = to;
  while (start < end && isBlank(text.charCodeAt(start))) start += 1;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function splitTokens(value: string): string[] {
  return value.toLowerCase().split(/[ \t]*,[ \t]*/);
}
