import type { Target } from './upstream.ts';

/** The APIs behind a gateway, any of which can answer anything. */
export interface Apis {
  targets: readonly Target[];
  /** Those that did not answer are asked last until then. */
  avoidUntilMs: number[];
  next: number;
}

/** Long enough that not each request meets a dead one, short enough that a new one is used soon. */
const avoidMs = 1_000;

/** `urls` as LABKEEPER_API_URL has them, with commas between. */
export function createApis(urls: string): Apis {
  const targets = urls.split(',').map((url) => targetOf(url.trim()));
  return { targets, avoidUntilMs: targets.map(() => 0), next: 0 };
}

/** All of them in the order to ask: in turn, and what failed lately last. */
export function inTurn(apis: Apis): number[] {
  const count = apis.targets.length;
  const first = apis.next;
  apis.next = (first + 1) % count;
  const turn = Array.from({ length: count }, (_, index) => (first + index) % count);
  const nowMs = performance.now();
  const isAvoided = (index: number) => (apis.avoidUntilMs[index] ?? 0) > nowMs;
  return [
    ...turn.filter((index) => !isAvoided(index)),
    ...turn.filter((index) => isAvoided(index)),
  ];
}

/** It could not be reached: others are asked first for a while. */
export function avoid(apis: Apis, index: number): void {
  apis.avoidUntilMs[index] = performance.now() + avoidMs;
}

function targetOf(url: string): Target {
  const { hostname: address, port, protocol } = new URL(url);
  return {
    address: address.replace(/^\[|\]$/g, ''),
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
  };
}
