import { spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';

const keptWords = 4096;
/** What `tar` says, with exit code 1, of files that apps change while it reads. */
const harmless = /file changed as we read it|file removed before we read it|socket ignored/;

/**
 * The system's own `tar`, since it goes down by open folders and follows no link: an app that
 * puts a link in the place of a folder while it is read leads it nowhere, which no program that goes by paths can
 * say. The pipe holds 64 KiB, so it reads as fast as somebody takes.
 */
export async function* archiveFolder(
  folder: string,
  name: string,
  signal: AbortSignal,
  what = `volume ${name}`,
): AsyncGenerator<Uint8Array> {
  const tar = spawn(
    'tar',
    ['--create', '--file=-', '--format=pax', '--numeric-owner', `--directory=${folder}`, name],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: pathOfTools, LC_ALL: 'C' } },
  );
  let words = '';
  tar.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(0, keptWords);
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    tar.once('error', reject);
    tar.once('close', (code) => resolve(code));
  });
  // Whoever iterates hears of it at the end; before that it must not count as unheard.
  ended.catch(() => undefined);
  const kill = () => void tar.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  if (tar.pid !== undefined) setPriority(tar.pid, constants.priority.PRIORITY_BELOW_NORMAL);
  try {
    for await (const chunk of tar.stdout) yield chunk as Uint8Array;
    signal.throwIfAborted();
    judge(what, await ended.catch(notThere), words);
  } finally {
    signal.removeEventListener('abort', kill);
    kill();
  }
}

const pathOfTools = '/usr/local/bin:/usr/bin:/bin';

function judge(what: string, code: number | null, words: string): void {
  const lines = words.split('\n').filter((line) => line !== '');
  if (code === 0 || (code === 1 && lines.every((line) => harmless.test(line)))) return;
  throw new Error(
    `cannot archive ${what} in full: ${lines.slice(0, 3).join('; ') || `tar ended with ${code}`}`,
  );
}

function notThere(error: unknown): never {
  const why = error instanceof Error ? error.message : String(error);
  throw new Error(`cannot archive: ${why}. Install tar on the host`);
}
