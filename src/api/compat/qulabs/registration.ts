import { createHash } from 'node:crypto';
import { appSpecSchema, type AppSpec, type AppSpecInput } from '../../../model/app-spec.ts';
import type { DeploymentPlan } from '../../../model/deployment.ts';
import { isQulabsId, qulabsFamily } from '../../../model/qulabs.ts';
import { Refusal } from '../refusal.ts';
import type { QulabsSettings } from './settings.ts';

/** A registration as it is carried out. */
export interface Registration {
  id: string;
  /** Names for the app, the best first. */
  names: string[];
  initial: AppSpec;
  plan: DeploymentPlan;
}

/** What the family shows of an app. */
export interface LabRecord {
  docker_image: string;
  port: number;
}

/** Reads a body as contract R1, R2 and R13 have it. Throws the family's refusals. */
export function readRegistration(body: unknown, settings: QulabsSettings): Registration {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw noObject(body);
  const given = body as Readonly<Record<string, unknown>>;
  const required = [given['lab_id'], given['docker_image'], given['port']];
  if (required.some(isMissing)) throw new Refusal(400, 'Missing required fields');
  const id = given['lab_id'];
  if (typeof id !== 'string' || !isQulabsId(id)) throw new Refusal(400, 'Invalid lab_id');
  const image = imageOf(given['docker_image']);
  const port = portOf('port', given['port']);
  const inner = given['container_port'];
  const containerPort = isMissing(inner) ? null : portOf('container_port', inner);
  const changes: AppSpecInput = {
    image,
    port: containerPort ?? port,
    alternativePorts: containerPort === null && port !== streamlitPort ? [streamlitPort] : [],
    ...(settings.publishes ? { hostPort: port } : {}),
  };
  const record: LabRecord = { docker_image: image, port };
  return {
    id,
    names: namesFor(id),
    initial: initialSpec(id, changes, settings),
    plan: {
      image,
      changes,
      foreign: { family: qulabsFamily, record: { ...record } },
      leftover: id,
      imageLookEveryMs: settings.imageLookEveryMs,
      imageWaitMs: settings.imageWaitMs,
      readyWithinMs: settings.readyWithinMs,
    },
  };
}

const streamlitPort = 8501;
/** Streamlit keeps a session so long for a tab that comes back. */
const disconnectedAfterMs = 300_000;

/** What the program that wrote the old backend took for nothing. */
function isMissing(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return value === undefined || value === null || value === '' || value === 0 || value === false;
}

function noObject(input: unknown): Refusal {
  const msg = 'Input should be a valid dictionary';
  return new Refusal(422, [{ type: 'dict_type', loc: ['body'], msg, input }]);
}

/** `name:tag`, the tag defaulting to `latest`. */
function imageOf(value: unknown): string {
  const named = typeof value === 'string' ? value : '';
  const last = named.slice(named.lastIndexOf('/') + 1);
  const image = named.includes('@') || last.includes(':') ? named : `${named}:latest`;
  if (named !== '' && appSpecSchema.safeParse({ image, port: 1 }).success) return image;
  throw new Refusal(400, 'Invalid docker_image');
}

/** A number, or the same in digits: both occur. */
function portOf(field: string, value: unknown): number {
  const port = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65_535)
    return port;
  throw new Refusal(400, `Invalid ${field}`);
}

/** Names are DNS labels and belong to everybody: an id is not given the app that has its name. */
function namesFor(id: string): string[] {
  const label =
    id
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .slice(0, 54)
      .replace(/^-+|-+$/g, '') || 'lab';
  const digest = createHash('sha256').update(`${qulabsFamily} ${id}`).digest('hex');
  return [label, `${label}-${digest.slice(0, 8)}`];
}

function initialSpec(id: string, changes: AppSpecInput, settings: QulabsSettings): AppSpec {
  return appSpecSchema.parse({
    ...changes,
    title: id.slice(0, 120),
    access: 'everyone',
    preset: 'streamlit',
    basePath: `/${id}`,
    prefixMode: 'detect',
    limits: settings.limits,
    idle: { idleAfterMs: settings.idleAfterMs, disconnectedAfterMs },
    health: { startDeadlineMs: settings.readyWithinMs },
  } satisfies AppSpecInput);
}
