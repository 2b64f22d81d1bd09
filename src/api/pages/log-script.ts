/**
 * Puts a followed log into its element: colours of terminals become spans, whatever else would steer one is left out. What is
 * shown is bounded in characters and in elements, from the front.
 */
export const logScript = String.raw`
const maxLogCharacters = 200000;
const maxLogPieces = 4000;

function logPainter(log) {
  let held = '';
  let look = { color: '', bold: false, italic: false, underlined: false };
  let characters = 0;
  let isFresh = true;

  const put = (text) => {
    if (text === '') return;
    const names = [look.color, look.bold && 'b', look.italic && 'i', look.underlined && 'u'].filter(Boolean).join(' ');
    const last = log.lastChild;
    if (last !== null && (last.className ?? '') === names) {
      if (last.nodeType === Node.TEXT_NODE) last.appendData(text);
      else last.firstChild.appendData(text);
    } else if (names === '') {
      log.append(text);
    } else {
      const span = document.createElement('span');
      span.className = names;
      span.textContent = text;
      log.append(span);
    }
    characters += text.length;
  };

  const turn = (codes) => {
    for (let at = 0; at < codes.length; at += 1) {
      const code = codes[at];
      if (code === 0) look = { color: '', bold: false, italic: false, underlined: false };
      else if (code === 1) look.bold = true;
      else if (code === 2) look.color = 'c8';
      else if (code === 3) look.italic = true;
      else if (code === 4) look.underlined = true;
      else if (code === 22) look.bold = false;
      else if (code === 23) look.italic = false;
      else if (code === 24) look.underlined = false;
      else if (code === 39) look.color = '';
      else if (code >= 30 && code <= 37) look.color = 'c' + (code - 30);
      else if (code >= 90 && code <= 97) look.color = 'c' + (code - 82);
      else if (code === 38 || code === 48) {
        if (code === 38 && codes[at + 1] === 5 && codes[at + 2] < 16) look.color = 'c' + codes[at + 2];
        at += codes[at + 1] === 5 ? 2 : 4;
      }
    }
  };

  const trim = () => {
    while (log.firstChild !== log.lastChild && (characters > maxLogCharacters || log.childNodes.length > maxLogPieces)) {
      characters -= log.firstChild.textContent.length;
      log.firstChild.remove();
    }
    const over = characters - maxLogCharacters;
    if (over <= 0 || log.firstChild === null) return;
    const text = log.firstChild.firstChild ?? log.firstChild;
    text.deleteData(0, over);
    characters -= over;
  };

  return (given) => {
    if (isFresh) log.replaceChildren();
    isFresh = false;
    const text = held + given;
    // A sequence that is cut in two is held back; one that never ends is not waited for.
    const cut = /\u001b(?:\[[0-?]*[ -/]*|\][^\u0007\u001b]*)?$|\r$/.exec(text);
    held = cut !== null && cut[0].length < 256 ? cut[0] : '';
    const whole = held === '' ? text : text.slice(0, -held.length);
    let from = 0;
    for (const found of whole.matchAll(/\u001b(?:\[([0-?]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[^[\]])?/g)) {
      put(readable(whole.slice(from, found.index)));
      from = found.index + found[0].length;
      if (found[2] === 'm') turn((found[1] || '0').split(/[;:]/).map(Number));
    }
    put(readable(whole.slice(from)));
    trim();
  };
}

/** A bar that a program draws over and over becomes a line each time. */
const readable = (text) =>
  text.replace(/\r\n?/g, '\n').replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '');
`;
