import { durationInWords } from '../../model/in-words.ts';

/** `2026-03-02 09:15:04 UTC`: the form that the sentences have too. */
export function Time({ at }: { at: string }) {
  return <time datetime={at}>{longTime(at)}</time>;
}

/** `3 min ago`, with the time itself on hover. */
export function Ago({ at }: { at: string }) {
  return (
    <time datetime={at} title={longTime(at)}>
      {durationInWords(Date.now() - Date.parse(at))} ago
    </time>
  );
}

/** `in 3 min`, with the time itself on hover. */
export function Ahead({ at }: { at: string }) {
  return (
    <time datetime={at} title={longTime(at)}>
      in {durationInWords(Date.parse(at) - Date.now())}
    </time>
  );
}

function longTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`;
}
