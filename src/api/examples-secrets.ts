import type { AppSecretJson, RegistryJson, SecretJson } from '../model/secret-api.ts';

const kept = {
  space: 'default',
  version: 2,
  owner: 'local user',
  changedBy: 'local user',
  createdAt: '2026-03-01T16:00:00.000Z',
  changedAt: '2026-03-02T09:00:00.000Z',
};

/** What the documentation shows. A test sends and parses every one of them. */
export const exampleSecret: SecretJson = { name: 'hf-token', ...kept, usedBy: ['plot'] };

export const exampleRegistry: RegistryJson = {
  host: 'ghcr.example',
  ...kept,
  usedBy: ['report'],
};

export const exampleAppSecret: AppSecretJson = {
  variable: 'HF_TOKEN',
  name: 'hf-token',
  version: 2,
  running: { version: 1, source: 'store' },
  outdated: true,
};
