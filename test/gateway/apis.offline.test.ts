import { describe, expect, it } from 'vitest';
import { avoid, createApis, inTurn } from '../../src/gateway/apis.ts';

describe('several APIs behind a gateway', () => {
  it('are read from one setting, with ports that their scheme implies', () => {
    const { targets } = createApis('http://127.0.0.1:8090, http://[::1]:8190,https://api.example');
    expect(targets).toEqual([
      { address: '127.0.0.1', port: 8090 },
      { address: '::1', port: 8190 },
      { address: 'api.example', port: 443 },
    ]);
  });

  it('are asked in turn, each with all others behind it', () => {
    const apis = createApis('http://a:1,http://b:1,http://c:1');
    expect([inTurn(apis), inTurn(apis), inTurn(apis), inTurn(apis)]).toEqual([
      [0, 1, 2],
      [1, 2, 0],
      [2, 0, 1],
      [0, 1, 2],
    ]);
  });

  it('are asked last for a while when they could not be reached, but not given up', () => {
    const apis = createApis('http://a:1,http://b:1');
    avoid(apis, 0);
    expect([inTurn(apis), inTurn(apis)]).toEqual([
      [1, 0],
      [1, 0],
    ]);
    avoid(apis, 1);
    expect(inTurn(apis)).toEqual([0, 1]);
  });
});
