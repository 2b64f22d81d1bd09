import type { OptionHelp } from './verb.ts';

/** Options that every verb has. */
export const globalOptions: Readonly<Record<string, OptionHelp>> = {
  json: { type: 'boolean', help: 'answer in JSON' },
  server: {
    type: 'string',
    value: 'URL',
    help: 'address of labkeeper (default: from the settings, http://localhost:8080)',
  },
  help: { type: 'boolean', short: 'h', help: 'say all this' },
};
