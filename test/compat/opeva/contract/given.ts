import type { OpevaWorld, Way } from '../bed.ts';

/** What each part of the contract is tried on. */
export type Given = () => { world: OpevaWorld; way: Way };
