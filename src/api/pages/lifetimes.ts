import { counted } from './short-words.ts';

/** How long a token or link may work, in milliseconds as its form sends them. */
export const lifetimeOf = (days: number): string => String(days * 24 * 60 * 60 * 1000);

/** The choice of lifetimes in a form. */
export const lifetimeChoices = (days: readonly number[]): { value: string; label: string }[] =>
  days.map((count) => ({
    value: lifetimeOf(count),
    label: counted(count, 'day'),
  }));
