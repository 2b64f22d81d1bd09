/** Choices that look random and are the same at each run with the same seed. */
export interface Chances {
  /** A whole number, both ends included. */
  whole(least: number, most: number): number;
  one<Item>(from: readonly Item[]): Item;
  /** True with this probability. */
  happens(probability: number): boolean;
  shuffled<Item>(items: readonly Item[]): Item[];
}

export function chances(seed: number): Chances {
  const next = randomNumbers(seed);
  const whole = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    whole,
    one<Item>(from: readonly Item[]) {
      if (from.length === 0) throw new Error('there is nothing to choose from');
      return from[whole(0, from.length - 1)] as Item;
    },
    happens: (probability) => next() < probability,
    shuffled: (items) =>
      items
        .map((item) => ({ item, place: next() }))
        .sort((one, other) => one.place - other.place)
        .map(({ item }) => item),
  };
}

/** Numbers from 0 to below 1. mulberry32: small, and good enough to choose by. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
