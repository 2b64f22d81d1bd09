import { explainApp, statusOf } from '../../model/app-view.ts';
import { durationInWords } from '../../model/in-words.ts';
import { instanceName } from '../../model/names.ts';
import { may, spacesOf, type Caller } from '../../model/roles.ts';
import type { App, Store } from '../../store/ports.ts';
import type { Concern, Mend } from './attention.ts';
import { secretsPath } from './secrets-path.ts';

const listedApps = 20;
/** Beyond its own deadline a start should have ended one way or the other. */
const startLateMs = 60_000;

/** Apps that do not mend themselves, as far as the caller may see them, with what the caller may do. */
export async function appConcerns(
  store: Pick<Store, 'apps' | 'secrets'>,
  caller: Caller,
): Promise<Concern[]> {
  const rows = await store.apps.troubled({
    visible: { spaces: spacesOf(caller, 'app.see'), access: [] },
    lateMs: startLateMs,
    limit: listedApps + 1,
  });
  const found = await Promise.all(
    rows
      .slice(0, listedApps)
      .map(async (app) => concernOf(app, await missingSecrets(store, app), caller)),
  );
  if (rows.length <= listedApps) return found;
  return [
    ...found,
    {
      subject: 'More apps',
      href: '/manage?state=failed',
      sentence: `More than ${listedApps} apps need attention.`,
      remedy: '',
      mends: [{ method: 'get', action: '/manage?state=failed', label: 'See all that failed' }],
    },
  ];
}

/** Names of secrets that kept a start from happening, and are still not set. */
async function missingSecrets(
  { secrets }: Pick<Store, 'secrets'>,
  { name, spec, condition }: App,
): Promise<string[]> {
  if (condition.phase !== 'failed' || Object.keys(spec.secrets).length === 0) return [];
  const detail = condition.detail ?? '';
  const used = await secrets.ofApp(name, instanceName(name, condition.generation));
  const missing = used.filter((one) => one.version === null).map((one) => one.name);
  return [...new Set(missing)].filter((secret) => detail.includes(`the secret ${secret} `));
}

function concernOf(app: App, missing: readonly string[], caller: Caller): Concern {
  const { name, condition } = app;
  const href = `/manage/app/${name}`;
  const common = { subject: `app/${name}`, href, sentence: explainApp(name, condition) };
  const use = may(caller, 'app.use', app);
  const operate = may(caller, 'app.operate', app);
  const post = (allowed: boolean, verb: string, label: string): Mend[] =>
    allowed ? [{ method: 'post', action: `${href}/${verb}`, label }] : [];
  const edit: Mend[] = may(caller, 'app.change', app)
    ? [{ method: 'get', action: `${href}/edit`, label: 'Edit its definition' }]
    : [];
  switch (statusOf(condition)) {
    case 'failed':
      return {
        ...common,
        remedy: lastLine(app, caller),
        mends: [...setSecrets(app, missing, caller), ...post(use, 'start', 'Try again'), ...edit],
      };
    case 'restarting':
      return {
        ...common,
        remedy:
          `${lastLine(app, caller)} It is tried again by itself; stop it if that is in vain.`.trim(),
        mends: [...post(operate, 'stop', 'Stop'), ...edit],
      };
    case 'asleep':
      return {
        ...common,
        sentence: `${name} is meant to be always on, but sleeps: ${condition.actor} stopped it (${condition.why}).`,
        remedy: '',
        mends: [...post(use, 'start', 'Wake'), ...edit],
      };
    default:
      return {
        ...common,
        remedy: `That is longer than its ${durationInWords(app.spec.health.startDeadlineMs)} to start: look at its output, and whether a host has room for it.`,
        mends: post(operate, 'restart', 'Restart'),
      };
  }
}

function setSecrets({ space }: App, missing: readonly string[], caller: Caller): Mend[] {
  if (!may(caller, 'secret.change', { space, owner: null })) return [];
  return missing.map((name) => ({
    method: 'get',
    action: `${secretsPath(space)}?name=${name}`,
    label: `Set the secret ${name}`,
  }));
}

function lastLine(app: App, caller: Caller): string {
  const line = app.condition.lastLogLines.at(-1);
  return line === undefined || !may(caller, 'app.read-output', app) ? '' : `Its last line: ${line}`;
}
