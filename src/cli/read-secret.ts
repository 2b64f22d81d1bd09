import { text } from 'node:stream/consumers';
import type { ReadStream } from 'node:tty';

/** What a person types who must not see it, or all that a program pipes in; no final newline. */
export async function readSecret(
  prompt: string,
  input: ReadStream,
  show: (text: string) => void,
): Promise<string> {
  if (!input.isTTY) return (await text(input)).replace(/\r?\n$/, '');
  // Before the prompt: from its first key on nothing is echoed.
  input.setRawMode(true);
  try {
    show(`${prompt} (it is not shown): `);
    return await typed(input);
  } finally {
    input.setRawMode(false).pause();
    show('\n');
  }
}

const endOfText = '\u0003';
const endOfTransmission = '\u0004';
const erasers = ['\u007f', '\b'];
/** Clears the line. */
const killLine = '\u0015';

/** A line in raw mode, where no key but those above has a meaning. */
function typed(input: ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const end = (settle: () => void) => {
      input.off('data', take);
      settle();
    };
    const take = (keys: string) => {
      for (const key of keys) {
        if (key === '\r' || key === '\n' || key === endOfTransmission) {
          return end(() => resolve(line));
        }
        if (key === endOfText) return end(() => reject(new Error('given up: nothing was set')));
        if (key === killLine) line = '';
        else if (erasers.includes(key)) line = [...line].slice(0, -1).join('');
        else line += key;
      }
    };
    input.setEncoding('utf8').on('data', take).resume();
  });
}
