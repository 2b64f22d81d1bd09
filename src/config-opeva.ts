import { z } from 'zod';
import { dnsLabelPattern } from './model/names.ts';
import { opevaDialects } from './model/opeva.ts';
import { parseListen, parseListenerAccess } from './model/listener-access.ts';

const MiB = 1024 * 1024;
const dayMs = 24 * 3_600_000;

/** Words with commas or blanks between, or a JSON list. */
const words = (text: string): string[] => {
  if (text.trim().startsWith('[')) return z.array(z.string()).parse(JSON.parse(text));
  return text.split(/[\s,]+/).filter((word) => word !== '');
};
const wordList = (defaultText: string, isWord: (word: string) => boolean, mistake: string) =>
  z
    .string()
    .default(defaultText)
    .transform((text, context) => {
      try {
        const list = words(text);
        if (list.every(isWord)) return list;
      } catch {
        // Told below: it is no list either.
      }
      context.addIssue({ code: 'custom', message: mistake });
      return z.NEVER;
    });
const count = (description: string, defaultCount: number, most: number) =>
  z.coerce.number().int().min(1).max(most).default(defaultCount).describe(description);
const repositoryPattern = /^[a-z0-9]+(?:[._:/-][a-zA-Z0-9]+|__[a-z0-9]+)*$/;

/** Settings of the OPEVA family. */
export const opevaSettings = {
  LABKEEPER_LISTEN_OPEVA: z
    .string()
    .refine((text) => parseListen(text) !== null, 'must be host:port')
    .optional()
    .describe('Own listener of OPEVA clients, host:port (of old: port 8000); none without it'),
  LABKEEPER_OPEVA_ACCESS: z
    .string()
    .refine(
      (text) => parseListenerAccess(text) !== null,
      'must be open, token, or networks such as 10.0.0.0/8,fd00::/8',
    )
    .optional()
    .describe(
      'Who may use OPEVA paths beyond loopback or with logins: open, networks (10.0.0.0/8,…), token',
    ),
  LABKEEPER_OPEVA_TOKEN_FILE: z
    .string()
    .optional()
    .describe('File with the bearer token that every OPEVA request but /health then needs'),
  LABKEEPER_OPEVA_CORS_ORIGINS: wordList(
    '',
    (word) => /^https?:\/\/[^/]+$/.test(word),
    'must be origins such as https://opeva.example, with commas between',
  ).describe('Web pages that may use OPEVA paths from a browser, as origins'),
  LABKEEPER_OPEVA_DIALECT: z
    .enum(opevaDialects)
    .optional()
    .describe(
      'Words of OPEVA answers: classic or workers; by itself workers when LABKEEPER_OPEVA_HOSTS names others than local',
    ),
  LABKEEPER_OPEVA_HOSTS: wordList(
    'local',
    (word) => dnsLabelPattern.test(word),
    'must be names of hosts, with commas between',
  ).describe('Hosts that OPEVA clients may name; local is the host of the API'),
  LABKEEPER_OPEVA_DATA: z
    .string()
    .min(1)
    .optional()
    .describe('The folder that OPEVA jobs share; `shared` in the data folder when absent'),
  LABKEEPER_OPEVA_DOCKER_DATA: z
    .string()
    .regex(/^\//, 'must be an absolute path')
    .optional()
    .describe(
      'Where the Docker Engine finds that folder, when labkeeper itself runs in a container',
    ),
  LABKEEPER_OPEVA_RUNNER: z
    .enum(['docker', 'process'])
    .default('docker')
    .describe('OPEVA jobs run as containers, or as processes of LABKEEPER_OPEVA_COMMAND_PREFIX'),
  LABKEEPER_OPEVA_IMAGE_REPOSITORY: z
    .string()
    .max(380)
    .regex(repositoryPattern, 'must be the repository of an image, without a tag')
    .default('calof/opeva_simulator')
    .describe('Image of OPEVA jobs; they may name its tag'),
  LABKEEPER_OPEVA_IMAGE_ALLOW: wordList(
    '',
    (word) => repositoryPattern.test(word),
    'must be repositories of images, with commas between',
  ).describe('Further repositories that OPEVA jobs may name in `image`'),
  LABKEEPER_OPEVA_COMMAND_PREFIX: wordList(
    '',
    () => true,
    'must be words, or a JSON list of strings',
  ).describe(
    'What stands before `--config … --job_id …`, such as `python wrapper.py`; a JSON list where words have blanks',
  ),
  LABKEEPER_OPEVA_NETWORK: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]*$/, 'must be the name of a Docker network')
    .default('opeva_network')
    .describe('Docker network of OPEVA jobs, where there is one of this name'),
  LABKEEPER_OPEVA_CPUS: z.coerce
    .number()
    .min(0.05)
    .max(256)
    .default(1)
    .describe('CPU cores of an OPEVA job'),
  LABKEEPER_OPEVA_MEMORY_BYTES: z.coerce
    .number()
    .int()
    .min(16 * MiB)
    .default(2048 * MiB)
    .describe('Memory of an OPEVA job'),
  LABKEEPER_OPEVA_PIDS: count('Processes and threads of an OPEVA job', 512, 65_536),
  LABKEEPER_OPEVA_DEVICES: z.coerce
    .number()
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe('GPUs of an OPEVA job'),
  LABKEEPER_OPEVA_RUN_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .max(365 * dayMs)
    .default(30 * dayMs)
    .describe('An OPEVA job that waits or runs longer than this has failed'),
  LABKEEPER_OPEVA_STOP_GRACE_MS: z.coerce
    .number()
    .int()
    .min(0)
    .max(600_000)
    .default(10_000)
    .describe('Between SIGTERM and SIGKILL of an OPEVA job'),
  LABKEEPER_OPEVA_MAX_WAITING: count(
    'OPEVA callers that wait for a stop; more is 503',
    200,
    10_000,
  ),
  LABKEEPER_OPEVA_MAX_LISTED: count('OPEVA jobs in one list, the newest', 5_000, 100_000),
  LABKEEPER_OPEVA_MAX_CONFIG_BYTES: count(
    'Largest configuration of an OPEVA job; more is 413. Reading a megabyte keeps the API busy for seconds',
    256 * 1024,
    16 * MiB,
  ),
  LABKEEPER_OPEVA_MAX_RESULT_BYTES: count(
    'Largest result.json that OPEVA clients are sent',
    10 * MiB,
    64 * MiB,
  ),
} as const;
