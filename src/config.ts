import net from 'node:net';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { samplerNames, type TracingSettings } from './tracing/tracing.ts';
import { opevaSettings } from './config-opeva.ts';
import { authentications } from './model/bind.ts';
import { parseListen, parseListenerAccess, refusalToListen } from './model/listener-access.ts';
import type { QueueRules } from './model/queue.ts';
import { secretVariablePrefix } from './model/secret-sources.ts';
import { defaultVolumeBytes } from './model/volume.ts';

/**
 * Every setting of labkeeper: name, default, meaning. The README's table is generated from here
 * (`npm run docs`). Nothing else reads `process.env`.
 */
const port = (description: string, defaultPort: number) =>
  z.coerce.number().int().min(0).max(65_535).default(defaultPort).describe(description);
const bytes = (description: string, defaultBytes: number) =>
  z.coerce.number().int().min(1).default(defaultBytes).describe(description);
const milliseconds = (description: string, defaultMs: number) =>
  z.coerce.number().int().min(1).default(defaultMs).describe(description);
const days = (description: string, defaultDays: number) =>
  z.coerce.number().min(1).max(36_500).default(defaultDays).describe(description);
const isHttpUrl = (text: string) => z.url({ protocol: /^https?$/ }).safeParse(text.trim()).success;
/** An address or CIDR; one of all addresses is none. */
const isAddressRange = (text: string): boolean => {
  const [address = '', bits, more] = text.split('/');
  const most = net.isIP(address) === 6 ? 128 : 32;
  const fits = bits === undefined || (/^[1-9]\d{0,2}$/.test(bits) && Number(bits) <= most);
  return net.isIP(address) !== 0 && fits && more === undefined;
};
const neverOfProxies =
  /^(?:host|cookie|authorization|connection|upgrade|content-.*|transfer-encoding|origin|sec-.*|x-labkeeper-.*)$/i;
const KiB = 1024;
const MiB = 1024 * KiB;

export const settings = {
  LABKEEPER_DATA: z.string().min(1).default('./data').describe('Data folder'),
  LABKEEPER_BIND: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe(
      'Address the gateway binds. Others than loopback need LABKEEPER_AUTHENTICATION=required',
    ),
  LABKEEPER_AUTHENTICATION: z
    .enum(authentications)
    .default('open')
    .describe('open: whoever reaches the loopback is its one user; required: people log in'),
  LABKEEPER_TOKEN: z
    .string()
    .optional()
    .describe('Token of the command line, for pipelines; `labkeeper login` keeps one otherwise'),
  LABKEEPER_COMPLETION_MS: milliseconds(
    'Completion of a command line waits this long for names; without an answer it has none',
    1_000,
  ),
  LABKEEPER_SESSION_MS: milliseconds('A login lasts this long', 7 * 24 * 3_600_000),
  LABKEEPER_LOGIN_LINK_MS: milliseconds('A one-time login link can be used this long', 3_600_000),
  LABKEEPER_OIDC_ISSUER: z.url().optional().describe('OpenID Connect provider people log in with'),
  LABKEEPER_OIDC_CLIENT_ID: z.string().min(1).optional().describe('Our client id there'),
  LABKEEPER_OIDC_CLIENT_SECRET_FILE: z
    .string()
    .optional()
    .describe('File with our client secret there; a public client has none'),
  LABKEEPER_OIDC_TITLE: z
    .string()
    .min(1)
    .max(60)
    .default('single sign-on')
    .describe('What the login page calls the provider'),
  LABKEEPER_OIDC_DOMAINS: z
    .string()
    .default('')
    .transform((text) =>
      text
        .toLowerCase()
        .split(/[\s,]+/)
        .filter((domain) => domain !== ''),
    )
    .describe(
      'Mail domains whose people become users at their first login; others are added by operators',
    ),
  LABKEEPER_JOB_CPUS: z.coerce
    .number()
    .min(0)
    .optional()
    .describe('Cores of this host that jobs may hold together; all of them when absent'),
  LABKEEPER_JOB_MEMORY_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .optional()
    .describe('Memory of this host that jobs may hold together; four fifths of it when absent'),
  LABKEEPER_MAX_QUEUED_JOBS: z.coerce
    .number()
    .int()
    .min(1)
    .default(100_000)
    .describe('Jobs that wait; more is 429'),
  LABKEEPER_MAX_QUEUED_JOBS_PER_PERSON: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Jobs of one person that wait; more is 429; any number when absent'),
  LABKEEPER_MAX_RUNNING_JOBS_PER_PERSON: z.coerce
    .number()
    .int()
    .min(1)
    .optional()
    .describe('Jobs of one person that run at once; any number when absent'),
  LABKEEPER_QUEUE_AGE_MS: milliseconds(
    'Every so long a waiting job rises by one priority; then room is kept for it, so nobody waits for ever',
    10 * 60_000,
  ),
  LABKEEPER_QUEUE_LOOK_MS: milliseconds(
    'Workers look this often whether a waiting job can start; each change of the queue is a look too',
    2_000,
  ),
  LABKEEPER_ARTIFACTS_MEASURE_MS: milliseconds(
    'Agents measure what running jobs leave this often; above its limit a job is stopped',
    30_000,
  ),
  LABKEEPER_HOST_SILENT_MS: milliseconds(
    'A host that was not heard of for this long gets no work, and what it has not begun is given to another',
    30_000,
  ),
  LABKEEPER_MAX_TOKENS: z.coerce
    .number()
    .int()
    .min(1)
    .default(50)
    .describe('Tokens of one person that are in use; more is 429'),
  LABKEEPER_MAX_LINKS: z.coerce
    .number()
    .int()
    .min(1)
    .default(100)
    .describe('Links to one app that are in use; more is 429'),
  LABKEEPER_ACCESS_RECHECK_MS: milliseconds(
    'Gateways ask again this often whether a visitor may still open an app; changes are told at once',
    60_000,
  ),
  LABKEEPER_ACCESS_CACHE: z.coerce
    .number()
    .int()
    .min(10)
    .default(10_000)
    .describe('Visitors whose cookies and tokens a gateway process remembers'),
  LABKEEPER_CONSOLE_PORT: port('Console and API; 0 takes a free one', 8080),
  LABKEEPER_APPS_PORT: port('Apps; 0 takes a free one', 8081),
  LABKEEPER_API_PORT: port('API process, loopback only; 0 takes a free one', 8090),
  LABKEEPER_AGENT_PORT: port('Agent of this host: logs and usage; 0 takes a free one', 8091),
  LABKEEPER_GATEWAY_METRICS_PORT: port('Health and metrics of the gateway, loopback', 8092),
  LABKEEPER_WORKER_METRICS_PORT: port("Temporal's own worker metrics, loopback", 8093),
  LABKEEPER_CONSOLE_URL: z.url().optional().describe('Public address of the console, for links'),
  LABKEEPER_APPS_URL: z.url().optional().describe('Public address of the apps, for links'),
  LABKEEPER_APPS_DOMAIN: z
    .string()
    .toLowerCase()
    .regex(/^[a-z0-9](?:[a-z0-9.-]{0,180}[a-z0-9])?$/, 'must be a domain, such as apps.example')
    .optional()
    .describe('Each app is also NAME.DOMAIN, an origin of its own; a wildcard name points here'),
  LABKEEPER_TLS_CERT_FILE: z
    .string()
    .min(1)
    .optional()
    .describe(
      'PEM file with the certificate chain for console and apps; read again when it changes',
    ),
  LABKEEPER_TLS_KEY_FILE: z.string().min(1).optional().describe('PEM file with its key'),
  LABKEEPER_TRUSTED_PROXIES: z
    .string()
    .default('')
    .transform((text) => text.split(/[\s,]+/).filter((range) => range !== ''))
    .refine(
      (ranges) => ranges.every(isAddressRange),
      'must be addresses or CIDRs such as 10.0.0.0/8, and not everybody’s',
    )
    .describe(
      'Proxies in front of gateways, as addresses or CIDRs: only their X-Forwarded-* is believed',
    ),
  LABKEEPER_PROXY_PERSON_HEADER: z
    .string()
    .regex(/^[A-Za-z0-9-]+$/, 'must be the name of a header')
    .refine((name) => !neverOfProxies.test(name), 'is a header with a meaning of its own')
    .optional()
    .describe(
      'Header in which those proxies say who the visitor is, such as `X-Auth-Request-Email`',
    ),
  LABKEEPER_API_URL: z
    .string()
    .refine(
      (urls) => urls.split(',').every(isHttpUrl),
      'must be a URL, or several with commas between',
    )
    .default('http://127.0.0.1:8090')
    .describe(
      'Where gateway and CLI reach the API; several with commas between stand in for each other',
    ),
  LABKEEPER_DATABASE_URL: z
    .string()
    .default('postgres://labkeeper@127.0.0.1:5432/labkeeper')
    .describe('PostgreSQL, with sslmode; a password belongs into LABKEEPER_DATABASE_PASSWORD_FILE'),
  LABKEEPER_DATABASE_PASSWORD_FILE: z.string().optional().describe('File with the password'),
  LABKEEPER_DATABASE_POOL: z.coerce
    .number()
    .int()
    .min(2)
    .max(200)
    .default(10)
    .describe('Connections a process'),
  LABKEEPER_INTERNAL_TOKEN_FILE: z
    .string()
    .optional()
    .describe('File with the secret that gateway, API and agents share; made by `labkeeper up`'),
  LABKEEPER_ENCRYPTION_KEY_FILE: z
    .string()
    .optional()
    .describe('File with the key that seals secrets in the database; made by `labkeeper up`'),
  LABKEEPER_SECRETS_DIR: z
    .string()
    .optional()
    .describe('Folder of the worker’s host with a file a secret, for apps that name it'),
  LABKEEPER_MAX_SECRET_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    // The system takes no longer variable.
    .max(120_000)
    .default(64 * KiB)
    .describe('Bytes of one secret; more is refused'),
  LABKEEPER_MAX_SECRETS: z.coerce
    .number()
    .int()
    .min(1)
    .default(1_000)
    .describe('Secrets and registry credentials of one space; more is 429'),
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233').describe('Temporal frontend'),
  TEMPORAL_NAMESPACE: z.string().default('default').describe('Temporal namespace'),
  TEMPORAL_TLS: z
    .stringbool()
    .optional()
    .describe('Encrypt the connection to Temporal; of itself so when one of the next five is set'),
  TEMPORAL_TLS_CA: z
    .string()
    .optional()
    .describe('File with the certificates that vouch for Temporal, if not those of the system'),
  TEMPORAL_TLS_CERT: z.string().optional().describe('File with our certificate for Temporal'),
  TEMPORAL_TLS_KEY: z.string().optional().describe('File with the key of that certificate'),
  TEMPORAL_TLS_SERVER_NAME: z
    .string()
    .optional()
    .describe('Name that the certificate of Temporal must have, if not that of its address'),
  TEMPORAL_API_KEY_FILE: z.string().optional().describe('File with the API key for Temporal'),
  LABKEEPER_TEMPORAL_UI_URL: z.url().optional().describe('Temporal Web UI, for operators’ links'),
  LABKEEPER_TEMPORAL_CLI: z.string().optional().describe('Path of the Temporal CLI to use'),
  LABKEEPER_TEMPORAL_SERVER: z
    .string()
    .optional()
    .describe('Path of the Temporal server to use with --production'),
  LABKEEPER_TEMPORAL_SQL_TOOL: z.string().optional().describe('Path of the SQL tool beside it'),
  LABKEEPER_TEMPORAL_UI_SERVER: z.string().optional().describe('Path of the Web UI beside it'),
  LABKEEPER_TEMPORAL_DATABASE: z
    .string()
    .regex(/^[a-z_][a-z0-9_]{0,51}$/, 'must be a plain name of a database')
    .default('temporal')
    .describe('Database of that server; its second one has the suffix _visibility'),
  LABKEEPER_TEMPORAL_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(3650)
    .default(7)
    .describe('That server keeps workflows that are over this long'),
  LABKEEPER_HOST_NAME: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a DNS label')
    .default('local')
    .describe('Name of this host'),
  LABKEEPER_DOCKER: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe('Docker runtime: when a daemon answers, always, never'),
  LABKEEPER_DOCKER_SOCKET: z
    .string()
    .default('/var/run/docker.sock')
    .describe('Docker Engine socket'),
  LABKEEPER_DOCKER_NETWORK: z
    .string()
    .optional()
    .describe(
      'Docker network that gateway and apps share; without it ports are published on loopback',
    ),
  LABKEEPER_DOCKER_DATA: z
    .string()
    .regex(/^\//, 'must be an absolute path')
    .optional()
    .describe(
      'Where the Docker Engine finds the data folder, when labkeeper itself runs in a container',
    ),
  LABKEEPER_PROCESS: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe('Process runtime, which isolates nothing: auto means on loopback binds only'),
  LABKEEPER_GATEWAY_WORKERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('Gateway processes under one listener'),
  LABKEEPER_MAX_HEADER_BYTES: bytes('Request line and headers; more is 431', 32 * KiB),
  LABKEEPER_MAX_BODY_BYTES: bytes('Body of a request to an app; more is 413', 1024 * MiB),
  LABKEEPER_MAX_API_BODY_BYTES: bytes('Body of an API request; more is 413', 1 * MiB),
  LABKEEPER_MAX_CONFIG_BYTES: bytes('Configuration of a job; more is 400', 1 * MiB),
  LABKEEPER_MAX_UPLOAD_BYTES: bytes('One file sent for jobs to read; more is 413', 100 * MiB),
  LABKEEPER_MAX_UPLOADS: z.coerce
    .number()
    .int()
    .min(1)
    .default(100)
    .describe('Such files of one person at a time; more is 429'),
  LABKEEPER_UPLOAD_MS: milliseconds('They are kept this long for a job to name them', 86_400_000),
  LABKEEPER_MAX_CONNECTIONS: z.coerce
    .number()
    .int()
    .min(1)
    .default(20_000)
    .describe('Open connections a gateway process'),
  LABKEEPER_MAX_HELD_REQUESTS: z.coerce
    .number()
    .int()
    .min(0)
    .default(1_000)
    .describe('API calls held for waking apps, a gateway process'),
  LABKEEPER_MAX_EVENT_STREAMS: z.coerce
    .number()
    .int()
    .min(1)
    .default(1_000)
    .describe('Open event streams a process'),
  LABKEEPER_MAX_APPS: z.coerce
    .number()
    .int()
    .min(1)
    .default(10_000)
    .describe('Registered apps; more is 429'),
  LABKEEPER_MAX_VOLUMES: z.coerce
    .number()
    .int()
    .min(1)
    .default(10_000)
    .describe('Volumes; more is 429'),
  LABKEEPER_VOLUME_MAX_BYTES: bytes(
    'Limit of a volume that was given none; at its limit no app that writes to it is started',
    defaultVolumeBytes,
  ),
  LABKEEPER_VOLUME_MEASURE_MS: milliseconds('Agents measure each volume this often', 60_000),
  LABKEEPER_MAX_ARCHIVES: z.coerce
    .number()
    .int()
    .min(1)
    .max(100)
    .default(4)
    .describe('Archives of volumes that a host streams at once; more is 503'),
  LABKEEPER_HOST_PATIENCE_MS: milliseconds(
    'A wake waits this long for the one host that holds its volumes',
    30_000,
  ),
  LABKEEPER_DRAIN_MS: milliseconds(
    'A gateway that ends waits this long for its connections',
    30_000,
  ),
  LABKEEPER_GATEWAY_VETO_MS: milliseconds(
    'A gateway that cannot be heard holds up an idle stop this long',
    600_000,
  ),
  LABKEEPER_ACTIVITY_INTERVAL_MS: milliseconds('Gateways write last use this often', 5_000),
  LABKEEPER_RECONCILE_MS: milliseconds('Agents compare rows and containers this often', 60_000),
  LABKEEPER_MEMORY_SAMPLE_MS: milliseconds(
    'Agents note the memory of running apps this often; means of 60 are kept too',
    60_000,
  ),
  LABKEEPER_MEMORY_SAMPLES: z.coerce
    .number()
    .int()
    .min(2)
    .max(20_000)
    .default(1_440)
    .describe('Memory samples kept an app; of the means of 60 half as many'),
  LABKEEPER_KEEP_EVENTS_DAYS: days('Events are kept this long', 90),
  LABKEEPER_KEEP_JOBS_DAYS: days('Jobs that succeeded are kept this long', 90),
  LABKEEPER_KEEP_FAILED_JOBS_DAYS: days('Jobs that ended otherwise are kept this long', 90),
  LABKEEPER_KEEP_JOB_FILES_DAYS: days(
    'Logs and artifacts of jobs that succeeded are kept this long',
    30,
  ),
  LABKEEPER_KEEP_FAILED_JOB_FILES_DAYS: days('Those of jobs that ended otherwise', 30),
  LABKEEPER_JOB_TIDY_MS: milliseconds(
    'Agents look this often for files of jobs that are not kept any more',
    600_000,
  ),
  LABKEEPER_KEEP_OPERATIONS_DAYS: days('Finished operations are kept this long', 30),
  LABKEEPER_LISTEN_QULABS: z
    .string()
    .refine((text) => parseListen(text) !== null, 'must be host:port')
    .optional()
    .describe('Own listener of QuLabs clients, host:port (of old: port 8002); none without it'),
  LABKEEPER_QULABS_URL: z.url().optional().describe('Public address of that listener, for links'),
  LABKEEPER_QULABS_ACCESS: z
    .string()
    .refine(
      (text) => parseListenerAccess(text) !== null,
      'must be open, token, or networks such as 10.0.0.0/8,fd00::/8',
    )
    .optional()
    .describe(
      'Who may use QuLabs paths beyond loopback or with logins: open, networks (10.0.0.0/8,…), token',
    ),
  LABKEEPER_QULABS_TOKEN_FILE: z
    .string()
    .optional()
    .describe('File with the bearer token that QuLabs registrations and deletions then need'),
  LABKEEPER_QULABS_IMAGE_WAIT_MS: milliseconds(
    'A registration waits this long for an image that is not there yet',
    300_000,
  ),
  LABKEEPER_QULABS_IMAGE_LOOK_MS: milliseconds('It looks again this often', 30_000),
  LABKEEPER_QULABS_READY_MS: milliseconds(
    'A QuLabs app that is not ready by then has failed to start',
    300_000,
  ),
  LABKEEPER_QULABS_IDLE_MS: milliseconds(
    'QuLabs apps fall asleep after this long without use',
    24 * 3_600_000,
  ),
  LABKEEPER_QULABS_DELETE_MS: milliseconds(
    'A deletion answers 500 when the app is not gone by then; it goes on',
    120_000,
  ),
  LABKEEPER_QULABS_CPUS: z.coerce
    .number()
    .min(0.05)
    .max(256)
    .default(1)
    .describe('CPU cores of a QuLabs app'),
  LABKEEPER_QULABS_MEMORY_BYTES: z.coerce
    .number()
    .int()
    .min(16 * MiB)
    .default(1024 * MiB)
    .describe('Memory of a QuLabs app'),
  LABKEEPER_QULABS_PIDS: z.coerce
    .number()
    .int()
    .min(1)
    .max(65_536)
    .default(256)
    .describe('Processes and threads of a QuLabs app'),
  LABKEEPER_QULABS_PUBLISH: z
    .enum(['on', 'off'])
    .default('off')
    .describe('Publish QuLabs apps on their port of the host’s loopback too, for nginx of old'),
  LABKEEPER_QULABS_MAX_WAITING: z.coerce
    .number()
    .int()
    .min(1)
    .default(200)
    .describe('QuLabs callers that wait for a registration or deletion; more is 503'),
  ...opevaSettings,
  LABKEEPER_STORAGE_WARN_BYTES: bytes(
    'Free space of the data folder below which a warning is shown',
    2048 * MiB,
  ),
  LABKEEPER_STORAGE_REFUSE_BYTES: bytes('Free space below which new work is refused', 512 * MiB),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      'OTLP receiver over HTTP for traces, such as `http://127.0.0.1:4318`; none without it',
    ),
  OTEL_EXPORTER_OTLP_HEADERS: z
    .string()
    .optional()
    .describe('Headers for the receiver: `name=value,name=value`'),
  OTEL_TRACES_SAMPLER: z
    .enum(samplerNames)
    .default('parentbased_always_on')
    .describe('Which traces are recorded'),
  OTEL_TRACES_SAMPLER_ARG: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(1)
    .describe('Share of the traces that a `traceidratio` sampler records'),
  LABKEEPER_LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'])
    .default('info')
    .describe('Least level that is logged'),
} as const;

/** Read by tests alone; whoever sets them starts our processes with them. */
const ofTests = ['LABKEEPER_REQUIRE', 'LABKEEPER_TEST_SETUP'];

const schema = z.object(settings);
export type Config = Readonly<z.infer<typeof schema>>;

/**
 * Reads all settings, or throws one error that names every bad one. An empty variable counts as
 * absent; an unknown LABKEEPER_ variable is refused, since it is a typing error.
 */
export function loadConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.entries(environment).filter(
    ([, value]) => value !== undefined && value !== '',
  );
  const parsed = schema.safeParse(Object.fromEntries(given));
  const problems = (parsed.error?.issues ?? []).map(
    (issue) => `${issue.path.join('.')}: ${issue.message}`,
  );
  for (const [name] of given) {
    const ours =
      name.startsWith('LABKEEPER_') &&
      !(name in settings) &&
      !isSecretVariable(name) &&
      !ofTests.includes(name);
    if (ours) problems.push(`${name}: is no setting of labkeeper`);
  }
  problems.push(...pairsAmiss(new Set(given.map(([name]) => name))));
  if (problems.length > 0 || parsed.data === undefined) {
    throw new Error(
      `the configuration has ${problems.length} mistakes:\n  ${problems.join('\n  ')}`,
    );
  }
  return parsed.data;
}

/** Settings that say nothing without another one. */
function pairsAmiss(given: ReadonlySet<string>): string[] {
  const pairs: [name: keyof typeof settings, needs: keyof typeof settings, why: string][] = [
    ['LABKEEPER_TLS_CERT_FILE', 'LABKEEPER_TLS_KEY_FILE', 'a certificate is used with its key'],
    ['LABKEEPER_TLS_KEY_FILE', 'LABKEEPER_TLS_CERT_FILE', 'a key is used with its certificate'],
    [
      'LABKEEPER_PROXY_PERSON_HEADER',
      'LABKEEPER_TRUSTED_PROXIES',
      'only named proxies may say who the visitor is',
    ],
  ];
  return pairs.flatMap(([name, needs, why]) =>
    given.has(name) && !given.has(needs) ? [`${name}: needs ${needs} beside it: ${why}`] : [],
  );
}

const isSecretVariable = (name: string): boolean =>
  name.startsWith(secretVariablePrefix) &&
  /^[A-Z0-9_]+$/.test(name.slice(secretVariablePrefix.length));

/** The variables of this process that are secrets for apps, by their whole name. */
export function readSecretVariables(
  environment: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(environment).filter(
      (entry): entry is [string, string] => isSecretVariable(entry[0]) && Boolean(entry[1]),
    ),
  );
}

/** By which the queue of jobs decides. */
export const queueLimits = (config: Config): Pick<QueueRules, 'maxRunningPerPerson' | 'ageMs'> => ({
  maxRunningPerPerson: config.LABKEEPER_MAX_RUNNING_JOBS_PER_PERSON ?? null,
  ageMs: config.LABKEEPER_QUEUE_AGE_MS,
});

/** What the tracing of a process needs of the settings. */
export function tracingSettings(config: Config): TracingSettings {
  return {
    endpoint: config.OTEL_EXPORTER_OTLP_ENDPOINT,
    headers: config.OTEL_EXPORTER_OTLP_HEADERS,
    sampler: config.OTEL_TRACES_SAMPLER,
    ratio: config.OTEL_TRACES_SAMPLER_ARG,
  };
}

/** LABKEEPER_API_URL may name several APIs, for gateways: each of them answers everything. */
export function firstUrl(urls: string): string {
  return urls.split(',', 1)[0]?.trim() ?? urls;
}

/** Addresses as people see them, without final slash: set ones, else this machine's. */
export function publicUrls(
  config: Config,
  ports: { console: number; apps: number },
  host = 'localhost',
): { console: string; apps: string } {
  const scheme = config.LABKEEPER_TLS_CERT_FILE === undefined ? 'http' : 'https';
  const trimmed = (url: string) => url.replace(/\/+$/, '');
  return {
    console: trimmed(config.LABKEEPER_CONSOLE_URL ?? `${scheme}://${host}:${ports.console}`),
    apps: trimmed(config.LABKEEPER_APPS_URL ?? `${scheme}://${host}:${ports.apps}`),
  };
}

/** Why QuLabs clients must not be let in so, or null; the gateway does not start with a reason. */
export function refusalOfQulabs(config: Config): string | null {
  return refusalToListen({
    family: 'qulabs',
    listen: parseListen(config.LABKEEPER_LISTEN_QULABS ?? ''),
    access: parseListenerAccess(config.LABKEEPER_QULABS_ACCESS ?? ''),
    hasToken: config.LABKEEPER_QULABS_TOKEN_FILE !== undefined,
    authentication: config.LABKEEPER_AUTHENTICATION,
  });
}

/** The same for OPEVA clients, whom the API lets in. */
export function refusalOfOpeva(config: Config): string | null {
  const { LABKEEPER_OPEVA_RUNNER: runner, LABKEEPER_OPEVA_COMMAND_PREFIX: prefix } = config;
  if (runner === 'process' && prefix.length === 0) {
    return 'LABKEEPER_OPEVA_RUNNER is process, so LABKEEPER_OPEVA_COMMAND_PREFIX must say which program runs';
  }
  return refusalToListen({
    family: 'opeva',
    listen: parseListen(config.LABKEEPER_LISTEN_OPEVA ?? ''),
    access: parseListenerAccess(config.LABKEEPER_OPEVA_ACCESS ?? ''),
    hasToken: config.LABKEEPER_OPEVA_TOKEN_FILE !== undefined,
    authentication: config.LABKEEPER_AUTHENTICATION,
  });
}

/** The folder that OPEVA jobs share, as this machine has it. */
export const opevaFolder = (config: Config): string =>
  resolve(config.LABKEEPER_OPEVA_DATA ?? join(config.LABKEEPER_DATA, 'shared'));
