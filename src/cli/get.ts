import { open, rename, rm } from 'node:fs/promises';
import { bytesInWords } from '../model/in-words.ts';
import { findVolume } from './entity-argument.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { jsonText, type Terminal } from './terminal.ts';
import type { Verb } from './verb.ts';

export const get: Verb = {
  name: 'get',
  usage: 'volume/NAME [-o FILE] [--gzip]',
  summary: 'Download a volume as a tar',
  help: 'Everything in it, to standard output or into FILE. Links are links in it. A download that ends early fails, and leaves no FILE.',
  options: {
    output: { type: 'string', short: 'o', value: 'FILE', help: 'write to this file' },
    gzip: { type: 'boolean', short: 'z', help: 'compressed, as tar.gz' },
  },
  json: '`{ name, file, sizeBytes }`',
  completes: ['volume'],
  takes: { least: 1, most: 1 },
  async run({ arguments: [argument = ''], client, terminal, json, flag, text }) {
    const file = text('output');
    if (file === null && terminal.isOutputInteractive) {
      throw new UsageError('an archive is nothing to look at: give -o FILE, or send it to a file');
    }
    if (file === null && json) throw new UsageError('--json needs -o FILE');
    const { name } = await findVolume(client, argument);
    const pieces = client.volumes.archive(name, { format: flag('gzip') ? 'tar.gz' : 'tar' });
    if (file === null) {
      for await (const piece of pieces) await terminal.bytes(piece);
      return exitCodes.ok;
    }
    const sizeBytes = await writeWhole(file, pieces, terminal);
    if (json) terminal.out(jsonText({ name, file, sizeBytes }));
    else terminal.error(`${file}: ${bytesInWords(sizeBytes)} of volume/${name}\n`);
    return exitCodes.ok;
  },
};

/** Under another name until it is whole: whoever finds FILE has all of it. */
async function writeWhole(
  file: string,
  pieces: AsyncIterable<Uint8Array>,
  terminal: Pick<Terminal, 'isInteractive' | 'error'>,
): Promise<number> {
  const part = `${file}.part`;
  const target = await open(part, 'w', 0o600);
  let sizeBytes = 0;
  let toldAtMs = performance.now();
  try {
    for await (const piece of pieces) {
      await target.writeFile(piece);
      sizeBytes += piece.length;
      if (terminal.isInteractive && performance.now() - toldAtMs > 500) {
        toldAtMs = performance.now();
        terminal.error(`\r${bytesInWords(sizeBytes)} `);
      }
    }
    await target.close();
    await rename(part, file);
    if (terminal.isInteractive) terminal.error('\r');
    return sizeBytes;
  } catch (error) {
    await target.close().catch(() => undefined);
    await rm(part, { force: true });
    throw error;
  }
}
