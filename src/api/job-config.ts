import { LabError } from '../model/failures.ts';
import { bytesInWords } from '../model/in-words.ts';
import type { JobSubmission } from '../model/job-spec.ts';
import type { ConfigProblem, SharedFolder } from '../store/shared-folder.ts';
import { Problem } from './problem.ts';

interface Shared {
  sharedFolder: SharedFolder;
  maxConfigBytes: number;
}

/** The submission with the configuration that its `configPath` names, as it is now. Throws `invalid` with the field. */
export async function withConfig(
  wish: JobSubmission,
  { sharedFolder, maxConfigBytes }: Shared,
): Promise<JobSubmission> {
  const limit = `${bytesInWords(maxConfigBytes)} (LABKEEPER_MAX_CONFIG_BYTES)`;
  const { config, configPath } = wish;
  if (config !== undefined && Buffer.byteLength(JSON.stringify(config)) > maxConfigBytes) {
    throw refused('config', `is larger than ${limit}`);
  }
  if (configPath === undefined) return wish;
  const found = await sharedFolder.readConfig(configPath, maxConfigBytes);
  if (found === null) throw refused('configPath', `there is no file configs/${configPath}`);
  if (typeof found !== 'string') return { ...wish, config: found.value };
  const words: Record<ConfigProblem, string> = {
    outside: `configs/${configPath} lies outside of the folder of configurations`,
    invalid: `configs/${configPath} is no YAML or JSON object`,
    too_large: `configs/${configPath} is larger than ${limit}`,
  };
  throw refused('configPath', words[found]);
}

/** Keeps the configuration under the name of `saveConfigAs`. Throws `conflict` where another one has that name. */
export async function saveConfig(
  { config = {}, saveConfigAs: name }: Pick<JobSubmission, 'config' | 'saveConfigAs'>,
  { sharedFolder, maxConfigBytes }: Shared,
): Promise<void> {
  if (name === undefined) return;
  const path = `configs/${name}`;
  const text = name.endsWith('.json')
    ? `${JSON.stringify(config, null, 2)}\n`
    : sharedFolder.toYaml(config);
  const there = await sharedFolder.read(path, 4 * maxConfigBytes);
  if (there === text) return;
  if (there !== null) {
    throw new LabError(
      'conflict',
      `cannot save the configuration as ${path}: another one has that name. Choose another name for it`,
    );
  }
  await sharedFolder.write(path, text);
}

function refused(path: string, message: string): Problem {
  return new Problem('invalid', `the body has a mistake: ${path}: ${message}`, {
    errors: [{ path, message }],
  });
}
