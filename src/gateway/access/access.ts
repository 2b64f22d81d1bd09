import { appCookieSchema, signedPurposes, type Proof } from '../../model/access.ts';
import type { AccessStore } from '../../store/people-ports.ts';
import type { Log } from '../../log.ts';
import { signedText, type SignedText } from '../../signed-text.ts';
import type { RequestHead } from '../http/head.ts';
import type { Entry, Routes } from '../routes.ts';
import type { PostToApi } from '../wake.ts';
import { createChecks, type Checks } from './checks.ts';
import { cookiesOf } from './cookies.ts';
import { bearerOf, keyOf, newPass, type Pass } from './pass.ts';

/** Who may open which app, as one gateway process knows it. */
export interface Access {
  /** `open`: whoever reaches the loopback is the one user, and nothing is asked. */
  readonly mode: 'open' | 'required';
  readonly settings: AccessSettings;
  readonly checks: Checks;
  readonly cookies: SignedText;
  readonly grants: SignedText;
  readonly links: SignedText;
  /** What visitors sent, word for word, and what it was: most requests are answered from here. */
  readonly texts: Map<string, Shown>;
  readonly passes: Map<string, Pass>;
  /** Of apps for everyone. */
  readonly visitors: Map<string, Pass>;
  readonly localUser: Pass;
  /** Counts changes of access: what was found out before the last one is asked for again. */
  epoch: number;
}

interface Shown {
  pass: Pass;
  endsAtMs: number;
}

export interface AccessSettings {
  consoleUrl: string;
  secret: string | null;
  recheckMs: number;
  maxRemembered: number;
  patienceMs: number;
  retryMs: number;
}

export function createAccess(options: {
  mode: Access['mode'];
  settings: AccessSettings;
  post: PostToApi;
  onFall: (passes: ReadonlySet<Pass>) => void;
  onCall: (outcome: 'answered' | 'unanswered') => void;
  log: Log;
}): Access {
  const { mode, settings, post, onFall, onCall, log } = options;
  const { secret, patienceMs, retryMs } = settings;
  const access: Access = {
    mode,
    settings,
    checks: createChecks({
      ...{ post, onFall, onCall, patienceMs, retryMs, log },
      epoch: () => access.epoch,
    }),
    cookies: signedText({ secret, purpose: signedPurposes.cookie }),
    grants: signedText({ secret, purpose: signedPurposes.grant }),
    links: signedText({ secret, purpose: signedPurposes.link }),
    texts: new Map(),
    passes: new Map(),
    visitors: new Map(),
    localUser: newPass('', null, {
      opening: { verdict: 'open', person: 'local user', role: 'operator', endsAt: null },
    }),
    epoch: 0,
  };
  return access;
}

/** What a request shows for an app; null when it shows nothing that could let anybody in. */
export function shownPass(
  access: Access,
  head: RequestHead,
  app: string,
  cookieName: string,
): Pass | null {
  const { names, values } = head;
  const authorization = names.indexOf('authorization');
  if (authorization !== -1) {
    const pass = passOfBearer(access, values[authorization] as string, app);
    if (pass !== null) return pass;
  }
  for (
    let index = names.indexOf('cookie');
    index !== -1;
    index = names.indexOf('cookie', index + 1)
  ) {
    const pass = passOfCookies(access, values[index] as string, app, cookieName);
    if (pass !== null) return pass;
  }
  return null;
}

/** Whether what is known of a pass is new enough to go by. */
export function isFresh(access: Access, pass: Pass): boolean {
  if (pass.proof === null) return true;
  if (pass.epoch !== access.epoch) return false;
  const ageMs = performance.now() - pass.checkedAtMs;
  // A refusal is looked at again soon: a role may have been given since, which nobody tells.
  const lastsMs = pass.opening?.verdict === 'open' ? access.settings.recheckMs : refusalLastsMs;
  return ageMs < lastsMs;
}

const refusalLastsMs = 1_000;

/** The pass of a proof: known already, or new. The oldest are forgotten, and asked for anew. */
export function passFor(
  access: Access,
  app: string,
  proof: Proof,
  more: Parameters<typeof newPass>[2] = {},
): Pass {
  const key = keyOf(app, proof);
  const known = access.passes.get(key);
  if (known !== undefined) return known;
  const pass = newPass(app, proof, more);
  remember(access.passes, key, pass, access.settings.maxRemembered);
  return pass;
}

/** Whoever comes to an app for everyone without proof. */
export function visitorPass(access: Access, app: string): Pass {
  let pass = access.visitors.get(app);
  if (pass === undefined) {
    pass = newPass(app, null, {
      opening: { verdict: 'open', person: null, role: null, endsAt: null },
    });
    access.visitors.set(app, pass);
  }
  return pass;
}

/** Keeps what is known up to date until `signal` aborts: `recheck` is told that something changed. */
export function followChanges(
  access: Access,
  from: { store: Pick<AccessStore, 'listen'>; routes: Routes },
  on: { change: () => void; fall: (passes: ReadonlySet<Pass>) => void },
  signal: AbortSignal,
): void {
  const changed = () => {
    access.epoch += 1;
    on.change();
  };
  void from.store.listen(changed, signal);
  const nowOf = ({ route }: Entry) => `${route.spec.access} ${route.spec.space}`;
  const known = new Map<string, string>();
  for (const [app, entry] of from.routes.entries) known.set(app, nowOf(entry));
  from.routes.watchers.add((app, entry) => {
    const now = entry === null ? null : nowOf(entry);
    const before = known.get(app);
    if (now === null) known.delete(app);
    else known.set(app, now);
    if (before === undefined || before === now) return;
    const visitor = access.visitors.get(app);
    if (visitor !== undefined && entry?.route.spec.access !== 'everyone') {
      access.visitors.delete(app);
      on.fall(new Set([visitor]));
    }
    changed();
  });
}

function passOfBearer(access: Access, value: string, app: string): Pass | null {
  const proof = bearerOf(value);
  if (proof === null) return null;
  if (proof !== 'malformed') return passFor(access, app, proof);
  return newPass(app, null, { opening: { verdict: 'ended' } });
}

/** The first cookie that holds: a page of another app may have planted worthless ones beside it. */
function passOfCookies(access: Access, value: string, app: string, name: string): Pass | null {
  for (const text of cookiesOf(value, name)) {
    const known = access.texts.get(text);
    const shown = known ?? readCookie(access, text);
    if (shown === null || shown.pass.app !== app) continue;
    if (shown.endsAtMs > Date.now()) return shown.pass;
  }
  return null;
}

function readCookie(access: Access, text: string): Shown | null {
  const opened = access.cookies.open(text);
  const cookie = appCookieSchema.safeParse(opened?.value);
  if (opened === null || !cookie.success) return null;
  const { app, proof, role } = cookie.data;
  const { endsAtMs } = opened;
  const pass = passFor(access, app, proof, { vouched: { role }, endsAtMs });
  const shown = { pass, endsAtMs };
  remember(access.texts, text, shown, access.settings.maxRemembered);
  return shown;
}

function remember<Kept>(map: Map<string, Kept>, key: string, value: Kept, most: number): void {
  if (map.size >= most) {
    const oldest = map.keys().next();
    if (oldest.done !== true) map.delete(oldest.value);
  }
  map.set(key, value);
}
