/** What a page says of what was just done, by the word that its address ends with. */
export type DoneWords = Readonly<Record<string, string>>;

/** One sentence after a change. Only our own sentences: an address can put no words here. */
export function DoneNotice({ done, words }: { done: string; words: DoneWords }) {
  const sentence = Object.hasOwn(words, done) ? words[done] : undefined;
  if (sentence === undefined) return null;
  return (
    <p class="notice" data-status="succeeded" role="status">
      {sentence}
    </p>
  );
}
