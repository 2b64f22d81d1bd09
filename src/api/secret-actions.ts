import { LabError } from '../model/failures.ts';
import { appEntity } from '../model/names.ts';
import type { Secret, SecretKey } from '../store/secret-ports.ts';
import type { AppActions } from './app-actions.ts';
import type { ApiDependencies } from './dependencies.ts';

/** What can be done to secrets and registry credentials; routes do it here, and pages may. */
export interface SecretActions {
  /**
   * Keeps a value under a name. The same value again changes nothing. Apps that wait for it, because
   * they could not start, are woken. Throws `invalid`, `quota_exceeded`, `secret_unavailable`.
   */
  setValue(input: {
    space: string;
    name: string;
    value: string;
    actor: string;
  }): Promise<SecretSet>;
  /** As `setValue`, for what logs in to an image registry. */
  setRegistry(input: {
    space: string;
    host: string;
    username: string;
    password: string;
    actor: string;
  }): Promise<SecretSet>;
  /** Seals everything under the newest key. Idempotent; can be repeated after a crash. */
  resealAll(): Promise<{ keyId: string; resealed: number }>;
}

interface SecretSet {
  outcome: 'created' | 'replaced' | 'unchanged';
  secret: Secret;
}

const resealedAtOnce = 100;

export function secretActions(
  deps: Pick<ApiDependencies, 'store' | 'log' | 'sealer' | 'settings'>,
  apps: AppActions,
): SecretActions {
  const { store, log, settings } = deps;

  const sealerFor = (attempt: string) => {
    if (deps.sealer !== null) return deps.sealer;
    throw new LabError(
      'secret_unavailable',
      `cannot ${attempt}: no encryption key is set up. Write 32 random bytes as base64 (openssl rand -base64 32) into a file of mode 0600, and name it in LABKEEPER_ENCRYPTION_KEY_FILE for the API and the workers`,
    );
  };

  return {
    async setValue({ space, name, value, actor }) {
      refuseLong('value', value, settings.maxSecretBytes);
      return set({ space, kind: 'value', name }, value, actor);
    },

    async setRegistry({ space, host, username, password, actor }) {
      refuseLong('password', password, settings.maxSecretBytes);
      const text = JSON.stringify({ username, password });
      return set({ space, kind: 'registry', name: host }, text, actor);
    },

    async resealAll() {
      const sealer = sealerFor('seal the secrets anew');
      let resealed = 0;
      for (;;) {
        // Asked each time: whoever rotates meanwhile is followed.
        const keyId = await sealer.currentKeyId();
        const others = await store.secrets.sealedOtherwise(keyId, resealedAtOnce);
        if (others.length === 0) return { keyId, resealed };
        for (const { version, sealed, ...key } of others) {
          const anew = await sealer.seal(await sealer.open(sealed, key), key);
          if (await store.secrets.reseal(key, version, anew)) resealed += 1;
        }
      }
    },
  };

  async function set(key: SecretKey, text: string, actor: string): Promise<SecretSet> {
    const sealer = sealerFor(`set ${key.name}`);
    const now = await store.secrets.find(key);
    if (now !== null && (await opened(() => sealer.open(now.sealed, key))) === text) {
      return { outcome: 'unchanged', secret: now.secret };
    }
    const sealed = await sealer.seal(text, key);
    const limit = settings.maxSecrets;
    const kept = await store.secrets.set({ ...key, sealed, actor, limit });
    await wakeWaiting(kept.secret, actor);
    return kept;
  }

  /** What failed although somebody wants it awake gets another try, now that this has changed. */
  async function wakeWaiting({ usedBy, name, version }: Secret, actor: string): Promise<void> {
    for (const app of usedBy) {
      try {
        const { condition } = await apps.find(app);
        if (condition.wanted !== 'awake' || condition.phase !== 'failed') continue;
        const why = `version ${version} of ${name} was set`;
        await apps.command({ name: app, verb: 'wake', cause: { actor, why } });
      } catch (error) {
        // It is set all the same: the next visit wakes the app.
        log.warn({ entity: appEntity(app), err: error }, 'app was not woken');
      }
    }
  }

  /** Null when it cannot be opened any more: then it is simply replaced. */
  async function opened(open: () => Promise<string>): Promise<string | null> {
    return open().catch((error: unknown) => {
      if (error instanceof LabError) return null;
      throw error;
    });
  }
}

/** The setting may allow less than the schema. Throws `invalid` that names the field, not its value. */
function refuseLong(field: string, text: string, maxBytes: number): void {
  if (Buffer.byteLength(text) <= maxBytes) return;
  const message = `is larger than ${maxBytes} bytes (LABKEEPER_MAX_SECRET_BYTES)`;
  throw new LabError('invalid', `the body has a mistake: ${field}: ${message}`, {
    details: { errors: [{ path: field, message }] },
  });
}
