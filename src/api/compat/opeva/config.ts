import { opevaInContainer } from '../../../model/opeva.ts';
import type { SharedFolder } from '../../../store/shared-folder.ts';
import { Refusal } from '../refusal.ts';
import { wellFormed, type LaunchBody } from './launch-body.ts';
import { isRecord } from '../../../model/is-record.ts';
import type { OpevaSettings } from './settings.ts';

/** The configuration of a job, as it will run with it. */
export interface ResolvedConfig {
  /** Relative to the shared folder; where an inline one is to be kept, or an existing one lies. */
  path: string;
  /** What is to be written there; null for one that lies there. */
  inline: string | null;
  /** The job's own copy: what it runs with, whatever becomes of the file. */
  snapshot: string;
  experiment: string;
  run: string;
}

/** Finds and reads what a launch names. Throws the family's 400s. */
export async function resolveConfig(
  body: LaunchBody,
  id: string,
  deps: { sharedFolder: SharedFolder; settings: OpevaSettings },
): Promise<ResolvedConfig> {
  const { sharedFolder: folder, settings } = deps;
  const named = body.configPath ?? body.configFile;
  const source =
    named === null ? inlineOf(body, id, folder) : await existing(named, folder, settings);
  if (settings.dialect === 'workers') requireNoExecutor(source.value);
  const base = settings.runner === 'docker' ? opevaInContainer : folder.root;
  const snapshot = withDataset(
    source,
    datasetFor(source.value, { base, root: folder.root }),
    folder,
  );
  if (bytesIn(snapshot) > settings.maxConfigBytes) throw tooLarge(settings);
  return { path: source.path, inline: source.inline, snapshot, ...identityOf(source.value) };
}

interface Source {
  path: string;
  text: string;
  inline: string | null;
  value: Record<string, unknown>;
}

function inlineOf(body: LaunchBody, id: string, folder: SharedFolder): Source {
  const { config, saveAs } = body;
  if (config === null) throw new Refusal(400, 'Missing config or config_path');
  const name = saveAs ?? `${id}.yaml`;
  if (/[/\\]/.test(name) || name.includes('..') || name === '.' || bytesIn(name) > maxNameBytes) {
    throw new Refusal(400, 'Invalid file name');
  }
  const text = yamlOf(config, folder);
  return { path: `configs/${name}`, text, inline: text, value: config };
}

const maxNameBytes = 200;
const bytesIn = (text: string): number => new TextEncoder().encode(text).length;

/** What is nested too deeply for a YAML of it is no configuration. */
function yamlOf(config: Record<string, unknown>, folder: SharedFolder): string {
  try {
    return folder.toYaml(config);
  } catch {
    throw new Refusal(400, 'Invalid config format');
  }
}

async function existing(
  named: string,
  folder: SharedFolder,
  settings: OpevaSettings,
): Promise<Source> {
  const relative = belowConfigs(named, folder.root);
  const invalid = new Refusal(400, 'Invalid config_path');
  if (relative.split('/').includes('..') || relative.includes('\\')) throw invalid;
  const found = await folder.readConfig(relative, settings.maxConfigBytes);
  if (found === 'outside') throw invalid;
  if (found === 'too_large') throw tooLarge(settings);
  if (found === 'invalid') throw new Refusal(400, 'Invalid config format');
  if (found === null) {
    // A path of another place of the machine, and not one that begins with a slash too many.
    if (/^\/+[^/]+\/+[^/]/.test(named) && relative === named.replace(/^\/+/, '')) throw invalid;
    throw new Refusal(400, `Config file not found: ${named}`);
  }
  return { ...found, inline: null };
}

/** What follows `configs/` in each of the forms that clients have for it. */
function belowConfigs(named: string, root: string): string {
  for (const place of [`${opevaInContainer}/configs/`, `${root}/configs/`]) {
    if (named.startsWith(place)) return named.slice(place.length);
  }
  return named.replace(/^\/+/, '').replace(/^(?:\.\/)*(?:configs\/)?/, '');
}

function tooLarge({ maxConfigBytes }: OpevaSettings): Refusal {
  const limit = `${maxConfigBytes} bytes (LABKEEPER_OPEVA_MAX_CONFIG_BYTES)`;
  return new Refusal(413, `Config is larger than ${limit}`);
}

const executorFields = ['deucalion', 'docker', 'executor', 'host', 'local', 'runtime', 'server'];

function requireNoExecutor(config: Record<string, unknown>): void {
  const { execution } = config;
  if (!isRecord(execution)) return;
  const found = executorFields.filter((field) => field in execution);
  if (found.length === 0) return;
  throw new Refusal(
    400,
    `Config contains executor-specific fields under 'execution' (${found.join(', ')}). Remove them: the host decides how a job is run`,
  );
}

function identityOf(config: Record<string, unknown>): { experiment: string; run: string } {
  const { metadata, experiment } = config;
  const [meta, old] = [metadata, experiment].map((part) => (isRecord(part) ? part : {})) as [
    Record<string, unknown>,
    Record<string, unknown>,
  ];
  return {
    experiment: nameIn(meta['experiment_name']) ?? nameIn(old['name']) ?? 'UnnamedExperiment',
    run: nameIn(meta['run_name']) ?? nameIn(old['run_name']) ?? 'UnnamedRun',
  };
}

function nameIn(value: unknown): string | null {
  if (typeof value !== 'string' && typeof value !== 'number') return null;
  return wellFormed(String(value)).trim().slice(0, 500) || null;
}

/** Where the job finds the dataset that a configuration names as people see it; null where nothing is to change. */
function datasetFor(
  { simulator }: Record<string, unknown>,
  { base, root }: { base: string; root: string },
): string | null {
  if (!isRecord(simulator)) return null;
  const { dataset_path: path, dataset_name: name } = simulator;
  const told = typeof path === 'string' && path !== '' ? path : null;
  const inside = told === null ? null : datasetOf(told, root);
  let wanted: string | null = null;
  if (inside !== null) wanted = `${base}/datasets/${inside}`;
  else if (told === null && typeof name === 'string' && name !== '')
    wanted = `${base}/datasets/${name}/schema.json`;
  return wanted === path ? null : wanted;
}

/** People's own text stays as they wrote it, wherever it can. */
function withDataset(source: Source, path: string | null, folder: SharedFolder): string {
  const { text, inline, value } = source;
  if (path === null) return text;
  const place = ['simulator', 'dataset_path'] as const;
  const changed = inline === null ? folder.setInYaml(text, place, path) : null;
  if (changed !== null) return changed;
  const simulator = isRecord(value['simulator']) ? value['simulator'] : {};
  return yamlOf({ ...value, simulator: { ...simulator, dataset_path: path } }, folder);
}

/** What follows `datasets/`; null for a path of another kind. */
function datasetOf(path: string, root: string): string | null {
  for (const place of [`${root}/datasets/`, `${opevaInContainer}/datasets/`]) {
    if (path.startsWith(place)) return path.slice(place.length);
  }
  return /^(?:\.\/)?datasets\/(.+)$/s.exec(path)?.[1] ?? null;
}
