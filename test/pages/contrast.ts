/** Runs in the browser: texts with less contrast than WCAG AA asks for (4.5 to 1), each with its ratio. */
export const faintTexts = `(() => {
  const channels = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const luminance = (color) => {
    const [r, g, b] = channels(color).map((value) => {
      const share = value / 255;
      return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const paperBehind = (node) => {
    for (let at = node; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (channels(color)[3] !== 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  return [...document.querySelectorAll('body *')]
    .filter((node) => [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim() !== ''))
    .map((node) => {
      const [ink, paper] = [luminance(getComputedStyle(node).color), luminance(paperBehind(node))];
      const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
      return { ratio, text: node.textContent.trim().slice(0, 40) };
    })
    .filter(({ ratio }) => ratio < 4.5)
    .map(({ ratio, text }) => ratio.toFixed(2) + ' ' + text);
})()`;
