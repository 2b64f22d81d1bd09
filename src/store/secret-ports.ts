/** `value`: one text. `registry`: user name and password of an image registry, as JSON. */
export type SecretKind = 'value' | 'registry';

/** What names a secret. The same name in another space is another secret. */
export interface SecretKey {
  space: string;
  kind: SecretKind;
  /** A DNS label; the host of a registry. */
  name: string;
}

/** A secret as everybody may know it: all but what is kept in it. */
export interface Secret extends SecretKey {
  owner: string;
  /** Counts what was kept under this name, from 1. */
  version: number;
  changedBy: string;
  createdAt: string;
  changedAt: string;
  /** Apps of its space that name it, or whose image is in that registry, by name. */
  usedBy: string[];
}

/** Bytes that only a holder of the key with this id can read. */
export interface Sealed {
  keyId: string;
  bytes: Uint8Array;
}

/** One variable of an app that is a secret, and which version of it runs. */
export interface AppSecret {
  variable: string;
  name: string;
  /** As it is kept now; null when no row of the space has this name. */
  version: number | null;
  /** What the asked instance was started with; null when it was not started or needed none. */
  running: SecretUse | null;
}

export interface SecretUse {
  name: string;
  /** Null for what came from the host, where nobody counts. */
  version: number | null;
  source: 'store' | 'file' | 'variable';
}

export interface SecretStore {
  /** By name; `after` is the last name of the page before. */
  list(page: { space: string; kind: SecretKind; after?: string; limit: number }): Promise<Secret[]>;
  find(key: SecretKey): Promise<{ secret: Secret; sealed: Sealed } | null>;
  /**
   * One transaction: the row and the event of its space. The first to set it owns it. Throws
   * `invalid` for an unknown space, `quota_exceeded` when the space keeps `limit` of them already.
   */
  set(
    input: SecretKey & { sealed: Sealed; actor: string; limit: number },
  ): Promise<{ outcome: 'created' | 'replaced'; secret: Secret }>;
  /** Throws `not_found`, and `conflict` that names the apps while some use it. */
  remove(key: SecretKey, actor: string): Promise<Secret>;

  /** Some that are sealed under another key than this one. */
  sealedOtherwise(
    keyId: string,
    limit: number,
  ): Promise<(SecretKey & { version: number; sealed: Sealed })[]>;
  /** The same content under another key. False when it was changed or removed meanwhile. */
  reseal(key: SecretKey, version: number, sealed: Sealed): Promise<boolean>;

  /** Notes what an instance is about to be started with; forgotten with the instance. */
  noteUse(instance: string, uses: readonly SecretUse[]): Promise<void>;
  /** The secrets of an app by variable, with what `instance` was started with. */
  ofApp(app: string, instance: string): Promise<AppSecret[]>;
}

/** Seals what rows keep, and opens it again. The key never leaves its adapter. */
export interface Sealer {
  /** Bound to its key: under another space, kind or name it cannot be opened. */
  seal(text: string, key: SecretKey): Promise<Sealed>;
  /** Throws `secret_unavailable` when the key is not here or the bytes are not what was sealed. */
  open(sealed: Sealed, key: SecretKey): Promise<string>;
  /** Id of the key that seals now. */
  currentKeyId(): Promise<string>;
}
