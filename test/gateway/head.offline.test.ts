import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chunkedState, readChunked } from '../../src/gateway/http/chunked.ts';
import { parseRequestHead, parseResponseHead } from '../../src/gateway/http/head.ts';

const good = 'GET / HTTP/1.1\r\nHost: h\r\nX: 1';

describe('request heads', () => {
  test.each([
    ['both framings', `${good}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked`],
    ['two lengths', `${good}\r\nContent-Length: 3\r\nContent-Length: 3`],
    ['a list of lengths', `${good}\r\nContent-Length: 3, 3`],
    ['a signed length', `${good}\r\nContent-Length: +3`],
    ['a hexadecimal length', `${good}\r\nContent-Length: 0x3`],
    ['an empty length', `${good}\r\nContent-Length: `],
    ['two codings', `${good}\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked`],
    ['chunked not last', `${good}\r\nTransfer-Encoding: chunked, identity`],
    ['chunked with a vertical tab', `${good}\r\nTransfer-Encoding: \x0bchunked`],
    ['a folded line', `${good}\r\n folded: 1`],
    ['a line folded by a tab', `${good}\r\n\tfolded`],
    ['a blank before the colon', `${good}\r\nContent-Length : 3`],
    ['a name with a blank', `${good}\r\nContent Length: 3`],
    ['an empty name', `${good}\r\n: 3`],
    ['no colon', `${good}\r\nnonsense`],
    ['a bare LF', `${good}\nContent-Length: 3`],
    ['a bare CR', `${good}\rContent-Length: 3`],
    ['a NUL', `${good}\r\nA: \0`],
    ['two hosts', `${good}\r\nHost: other`],
    ['no host', 'GET / HTTP/1.1\r\nX: 1'],
    ['a host with a path', 'GET / HTTP/1.1\r\nHost: h/p'],
    ['a host with credentials', 'GET / HTTP/1.1\r\nHost: u@h'],
    ['two blanks in the request line', 'GET  / HTTP/1.1\r\nHost: h'],
    ['a blank in the target', 'GET /a b HTTP/1.1\r\nHost: h'],
    ['a target without a slash', 'GET a HTTP/1.1\r\nHost: h'],
    ['an asterisk', 'OPTIONS * HTTP/1.1\r\nHost: h'],
    ['a foreign scheme', 'GET ftp://h/ HTTP/1.1\r\nHost: h'],
    ['HTTP/0.9', 'GET /'],
    ['HTTP/2', 'PRI * HTTP/2.0'],
    ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: h'],
    ['CONNECT', 'CONNECT h:443 HTTP/1.1\r\nHost: h'],
    ['an unknown expectation', `${good}\r\nExpect: miracles`],
    ['chunked in HTTP/1.0', 'GET / HTTP/1.0\r\nTransfer-Encoding: chunked'],
  ])('with %s are refused', (_what, text) => {
    expect(parseRequestHead(text)).toHaveProperty('why');
  });

  test('any bytes parse or are refused, and what parses has one framing', () => {
    const line = fc.oneof(
      fc.constantFrom(
        'Content-Length: 5',
        'Transfer-Encoding: chunked',
        'Host: h',
        'Connection: x',
      ),
      fc.string({ maxLength: 30 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        const head = parseRequestHead(['POST /x HTTP/1.1', ...lines].join('\r\n'));
        if ('why' in head) return;
        const lengths = head.names.filter((name) => name === 'content-length');
        const codings = head.names.filter((name) => name === 'transfer-encoding');
        expect(lengths.length + codings.length).toBeLessThanOrEqual(1);
        expect(head.lines.join('')).not.toMatch(/[\r\n\0]/);
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  test('paths pass byte for byte, whatever their encoding', () => {
    for (const path of ['/a%zz', '/%', '/\xe9t\xe9', '/a?b=\xff', '/a%00', '/{x}|^"']) {
      expect(parseRequestHead(`GET ${path} HTTP/1.1\r\nHost: h`)).toMatchObject({ path });
    }
  });
});

describe('response heads', () => {
  test('contradicting lengths are unreadable, repeated ones are not', () => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: ';
    expect(parseResponseHead(`${head}4`, 'GET')).toContain('contradict');
    expect(parseResponseHead(`${head}3`, 'GET')).toMatchObject({ contentLength: 3 });
  });

  test('a server that sends both framings is not trusted with another request', () => {
    const text = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked';
    expect(parseResponseHead(text, 'GET')).toMatchObject({ framing: 'chunked', keepAlive: false });
  });
});

describe('chunked framing', () => {
  const encode = (pieces: readonly Uint8Array[], trailers: string) => {
    const parts = pieces
      .filter((piece) => piece.length > 0)
      .flatMap((piece) => [
        Buffer.from(`${piece.length.toString(16)}\r\n`),
        piece,
        Buffer.from('\r\n'),
      ]);
    return Buffer.concat([...parts, Buffer.from(`0\r\n${trailers}\r\n`)]);
  };

  test('is read the same however its bytes are split, and ends exactly at its end', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }),
        fc.constantFrom('', 'A: 1\r\n', 'A: 1\r\nB: 2\r\n'),
        fc.array(fc.nat({ max: 300 }), { maxLength: 8 }),
        fc.string({ maxLength: 10 }),
        (pieces, trailers, cuts, behind) => {
          const whole = Buffer.concat([encode(pieces, trailers), Buffer.from(behind, 'latin1')]);
          const state = chunkedState();
          const payload: Buffer[] = [];
          const marks = [
            ...new Set([0, ...cuts.filter((cut) => cut < whole.length), whole.length]),
          ];
          marks.sort((a, b) => a - b);
          let consumed = 0;
          for (let index = 1; index < marks.length; index += 1) {
            if (state.phase === 'done') break;
            const part = whole.subarray(marks[index - 1], marks[index]);
            const end = readChunked(state, part, 0, (from, to) =>
              payload.push(part.subarray(from, to)),
            );
            expect(end).not.toBe(-1);
            consumed += end;
          }
          expect(state.phase).toBe('done');
          expect(consumed).toBe(whole.length - Buffer.from(behind, 'latin1').length);
          expect(Buffer.concat(payload)).toEqual(Buffer.concat(pieces));
          expect(state.trailers).toBe(trailers.slice(0, -2));
        },
      ),
      { seed: 11, numRuns: 500 },
    );
  });

  test.each([
    ['no size', '\r\n\r\n'],
    ['a negative size', '-1\r\n'],
    ['a size with 0x', '0x5\r\nhello\r\n'],
    ['a size that overflows', '10000000000000000\r\n'],
    ['a bare LF after the size', '5\nhello\r\n0\r\n\r\n'],
    ['a LF in the extension', '5;a\nb\r\nhello\r\n'],
    ['a blank before the size', ' 5\r\nhello\r\n'],
    ['data longer than its size', '5\r\nhellooo\r\n'],
    ['no CRLF after the data', '5\r\nhello0\r\n\r\n'],
  ])('with %s is refused', (_what, text) => {
    expect(readChunked(chunkedState(), Buffer.from(text, 'latin1'), 0)).toBe(-1);
  });
});
