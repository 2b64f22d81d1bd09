import { describe, expect, it } from 'vitest';
import { portsToTry } from '../../src/model/container-ports.ts';

describe('the ports of a container', () => {
  it.each([
    ['the named port when there is no choice, whatever is exposed', [], [9000], [8506]],
    ['the named port when the image exposes it', [8501], [8501, 8506], [8506]],
    ['an alternative that the image exposes', [8501], [8501, 9000], [8501]],
    ['the only port of the image', [8501], [9000], [9000]],
    ['all of them when the image names several others', [8501], [9000, 9001], [8506, 8501]],
    ['all of them when the image names none', [8501], [], [8506, 8501]],
    ['each once', [8506, 8501], [], [8506, 8501]],
  ])('are %s', (_title, alternativePorts, exposed, expected) => {
    expect(portsToTry({ port: 8506, alternativePorts }, exposed)).toEqual(expected);
  });
});
