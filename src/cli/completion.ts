import { candidates } from './completion-candidates.ts';
import { completionScripts } from './completion-scripts.ts';
import { exitCodes, UsageError } from './exit-codes.ts';
import { jsonText, plain } from './terminal.ts';
import type { Verb } from './verb.ts';

const shells = Object.keys(completionScripts).join('|');

/** `verbs` are all there are, this one too: what is completed is read from them. */
export const completion = (verbs: () => readonly Verb[]): Verb => ({
  name: 'completion',
  usage: shells,
  summary: 'Print a script that completes command lines',
  help: 'Completes verbs, options and names. bash: source <(labkeeper completion bash) in ~/.bashrc. zsh: labkeeper completion zsh > a file _labkeeper in a folder of fpath. fish: labkeeper completion fish > ~/.config/fish/completions/labkeeper.fish. Names are asked of the server, for at most LABKEEPER_COMPLETION_MS; without an answer there are none.',
  options: {},
  json: '`{ shell, script }`; of `candidates`: `[{ value, help }]`',
  completes: [{ words: Object.keys(completionScripts) }],
  takes: { least: 1, most: 1_000 },
  async run({ arguments: [what = '', ...words], terminal, json, hurried }) {
    if (what === 'candidates') {
      // What the scripts ask: the words so far, the last one as far as it is typed.
      const found = await candidates(words, { verbs: verbs(), ...hurried });
      if (json) terminal.out(jsonText(found));
      else {
        const lines = found.map(({ value, help }) => `${value}\t${plain(help)}\n`);
        terminal.out(lines.join(''));
      }
      return exitCodes.ok;
    }
    const script = completionScripts[what];
    if (script === undefined || words.length > 0) {
      throw new UsageError(`completion takes the name of a shell: ${shells}`);
    }
    terminal.out(json ? jsonText({ shell: what, script }) : script);
    return exitCodes.ok;
  },
});
