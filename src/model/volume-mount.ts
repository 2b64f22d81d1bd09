import { z } from 'zod';
import { nameSchema } from './name-schema.ts';

/** Kernel interfaces of every container: nothing of ours belongs there. */
const reservedPaths = /^\/(?:proc|sys|dev)(?:\/|$)/;

const mountPathSchema = z
  .string()
  .max(512)
  .regex(
    /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9_.-]{1,128}){1,16}$/,
    'must be an absolute path of letters, digits and _ . - without . or .. and without final slash',
  )
  .refine((path) => !reservedPaths.test(path), 'must not lie in /proc, /sys or /dev');

/** The field `volumes` of a definition. */
export const mountsSchema = z
  .array(
    z
      .strictObject({
        volume: nameSchema.describe('Name of the volume; made with the app when there is none'),
        path: mountPathSchema
          .optional()
          .describe('Where a container finds it; /volumes/<name> when absent. Processes are told'),
        readOnly: z
          .boolean()
          .default(false)
          .describe('A container cannot write to it; a process is only asked not to'),
      })
      .describe('A volume the app uses'),
  )
  .max(16)
  .default([])
  .describe('Named folders that outlive instances and the app itself');

export type VolumeMount = z.infer<typeof mountsSchema>[number];

/** Where a container finds a volume. */
export const mountPath = ({ volume, path }: Pick<VolumeMount, 'volume' | 'path'>): string =>
  path ?? `/volumes/${volume}`;

/** What tells an app where its volumes are: `lab-data` → `LABKEEPER_VOLUME_LAB_DATA`. */
export const volumeVariables = (volumes: ReadonlyMap<string, string>): Record<string, string> =>
  Object.fromEntries(
    [...volumes].map(([name, path]) => [
      `LABKEEPER_VOLUME_${name.replaceAll('-', '_').toUpperCase()}`,
      path,
    ]),
  );

/** `{volume:NAME}` in each argument becomes the path of that volume where the command runs. */
export const withVolumes = (
  command: readonly string[],
  volumes: ReadonlyMap<string, string>,
): string[] =>
  command.map((argument) =>
    argument.replaceAll(volumePlaceholder, (text, name: string) => volumes.get(name) ?? text),
  );

const volumePlaceholder = /\{volume:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)\}/g;

/**
 * What is wrong between the mounts of a definition, whose single fields may be wrong too: nothing is
 * mounted twice, and a command asks for no volume that is not there. A definition without volumes
 * may say `{volume:5}` for reasons of its own.
 */
export function mountMistakes(spec: { volumes?: unknown; command?: unknown }): string[] {
  const mounts = (Array.isArray(spec.volumes) ? spec.volumes : []).filter(isMount);
  if (mounts.length === 0) return [];
  const names = mounts.map(({ volume }) => volume);
  const argumentsOfCommand = Array.isArray(spec.command) ? spec.command.filter(isText) : [];
  const asked = argumentsOfCommand.flatMap((argument) =>
    [...argument.matchAll(volumePlaceholder)].map(([, name = '']) => name),
  );
  return [
    ...repeated(names).map((name) => `the volume ${name} is there more than once`),
    ...repeated(mounts.map(mountPath)).map((path) => `two volumes have the path ${path}`),
    ...[...new Set(asked)]
      .filter((name) => !names.includes(name))
      .map((name) => `the command names {volume:${name}}, which is not among the volumes`),
  ];
}

function isMount(value: unknown): value is VolumeMount {
  if (typeof value !== 'object' || value === null) return false;
  const { volume, path } = value as Record<string, unknown>;
  return isText(volume) && (path === undefined || isText(path));
}

const isText = (value: unknown): value is string => typeof value === 'string';

const repeated = (texts: readonly string[]): string[] => [
  ...new Set(texts.filter((text, at) => texts.indexOf(text) !== at)),
];
