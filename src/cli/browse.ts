import { spawn } from 'node:child_process';

/** Hands an address to the person's browser. False where there is none to hand it to. */
export function browse(url: string): Promise<boolean> {
  const [command, ...before] = openers[process.platform] ?? ['xdg-open'];
  if (command === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const opener = spawn(command, [...before, url], { stdio: 'ignore', detached: true });
    opener.once('error', () => resolve(false));
    opener.once('spawn', () => {
      opener.unref();
      resolve(true);
    });
  });
}

const openers: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};
