/**
 * A command as people type it, and the argument list it stands for: blanks part words, quotes and
 * backslashes keep them together. No shell: variables, patterns and pipes are plain text.
 */
export function splitWords(text: string): { words: string[] } | { mistake: string } {
  const words: string[] = [];
  let word: string | null = null;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (/\s/.test(character)) {
      if (word !== null) words.push(word);
      word = null;
    } else if (character === "'" || character === '"') {
      const quoted = readQuoted(text, at);
      if (quoted === null) return { mistake: `a ${character} is not closed` };
      word = (word ?? '') + quoted.inner;
      at = quoted.end;
    } else if (character === '\\' && at + 1 < text.length) {
      at += 1;
      word = (word ?? '') + text.charAt(at);
    } else {
      word = (word ?? '') + character;
    }
  }
  if (word !== null) words.push(word);
  return { words };
}

/** From the quote at `begin` to the one that closes it; in double ones a backslash keeps `"` and `\`. */
function readQuoted(text: string, begin: number): { inner: string; end: number } | null {
  const quote = text.charAt(begin);
  let inner = '';
  for (let at = begin + 1; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === quote) return { inner, end: at };
    const next = text.charAt(at + 1);
    if (quote === '"' && character === '\\' && (next === '"' || next === '\\')) {
      at += 1;
      inner += next;
    } else {
      inner += character;
    }
  }
  return null;
}

/** The shortest text that `splitWords` reads as these words. */
export const joinWords = (words: readonly string[]): string => words.map(quoteWord).join(' ');

/** For a cell of a table: its beginning, so that commands which begin alike can be told apart. */
export function shortCommand(words: readonly string[]): string {
  const whole = joinWords(words);
  return whole.length <= mostCharacters ? whole : `${whole.slice(0, mostCharacters - 1)}…`;
}

const mostCharacters = 40;

function quoteWord(word: string): string {
  if (/^[^\s'"\\]+$/.test(word)) return word;
  return word.includes("'") ? `"${word.replaceAll(/["\\]/g, '\\$&')}"` : `'${word}'`;
}
