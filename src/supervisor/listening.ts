import { readdir, readFile, readlink } from 'node:fs/promises';

/** State of a listening socket in /proc/net/tcp. */
const listening = '0A';

/**
 * Whether this process itself listens on the TCP port, and not another one that got it first. Null
 * where the system does not tell.
 */
export async function isListening(pid: number, port: number): Promise<boolean | null> {
  if (process.platform !== 'linux') return null;
  const tables = await Promise.all(
    ['tcp', 'tcp6'].map((name) => readFile(`/proc/${pid}/net/${name}`, 'utf8').catch(() => '')),
  );
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  const sockets = new Set(
    tables
      .flatMap((table) => table.split('\n'))
      .map((line) => line.trim().split(/\s+/))
      .filter(([, local, , state]) => state === listening && local?.endsWith(`:${wanted}`))
      .map((fields) => `socket:[${fields[9]}]`),
  );
  const folder = `/proc/${pid}/fd`;
  const names = await readdir(folder).catch(() => []);
  const links = await Promise.all(
    names.map((name) => readlink(`${folder}/${name}`).catch(() => '')),
  );
  return links.some((link) => sockets.has(link));
}
