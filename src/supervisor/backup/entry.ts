import { createHash, type Hash } from 'node:crypto';
import type { Headers } from 'tar-stream';

/**
 * A path as the file system has it: each character is one byte. Names need not be UTF-8, and one
 * that is not must not get lost.
 */
export type BytePath = string;

/** One entry of an archive. */
export interface Entry {
  path: BytePath;
  type: 'file' | 'directory' | 'symlink';
  mode: number;
  uid: number;
  gid: number;
  /** Bytes of content; 0 for what is no file. */
  size: number;
  modifiedAtS: number;
  /** Where a symlink leads. */
  link: BytePath | null;
}

export const toBytes = (path: BytePath): Buffer => Buffer.from(path, 'latin1');
export const fromText = (text: string): BytePath => Buffer.from(text).toString('latin1');
/** For people: what is no UTF-8 is shown by a replacement character. */
export const toText = (path: BytePath): string => toBytes(path).toString('utf8');

/** An entry of our own making, readable by its owner only. */
export function ownEntry(name: string, size: number): Entry {
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const modifiedAtS = Math.floor(Date.now() / 1000);
  return {
    path: fromText(name),
    type: 'file',
    mode: 0o600,
    ...owner,
    size,
    modifiedAtS,
    link: null,
  };
}

/** Numbers that the fields of a tar header hold; greater ones go into an extended header. */
const maxOwner = 0o7777777;
const maxTimeS = 2 ** 31 - 1;

type ExtendedHeaders = Headers & { pax?: Record<string, string> | null };

/** What a plain header cannot hold (great numbers, names that are no UTF-8) goes beside it. */
export function toHeader(entry: Entry): Headers {
  const { path, type, mode, uid, gid, size, modifiedAtS, link } = entry;
  const name = toText(path);
  const linkname = link === null ? null : toText(link);
  const pax: Record<string, string> = {};
  if (uid > maxOwner) pax['uid'] = String(uid);
  if (gid > maxOwner) pax['gid'] = String(gid);
  const plainTimeS = Math.min(Math.max(modifiedAtS, 0), maxTimeS);
  if (plainTimeS !== modifiedAtS) pax['mtime'] = String(modifiedAtS);
  if (fromText(name) !== path) pax[rawName] = toBytes(path).toString('base64');
  if (linkname !== null && fromText(linkname) !== link) {
    pax[rawLink] = toBytes(link ?? '').toString('base64');
  }
  const header: ExtendedHeaders = {
    ...{ name, type, mode, uid, gid, size, mtime: new Date(plainTimeS * 1000) },
    ...(linkname === null ? {} : { linkname }),
    ...(Object.keys(pax).length === 0 ? {} : { pax }),
  };
  return header;
}

/** Null for a type that we never write. */
export function toEntry(header: ExtendedHeaders): Entry | null {
  const { type } = header;
  if (type !== 'file' && type !== 'directory' && type !== 'symlink') return null;
  const pax = header.pax ?? {};
  const number = (key: string, plain: number | undefined) => Number(pax[key] ?? plain ?? 0);
  const path = bytesOf(pax[rawName], header.name);
  return {
    path: type === 'directory' ? path.replace(/\/$/, '') : path,
    type,
    mode: header.mode ?? 0,
    uid: number('uid', header.uid),
    gid: number('gid', header.gid),
    size: type === 'file' ? (header.size ?? 0) : 0,
    modifiedAtS: number('mtime', Math.floor((header.mtime?.getTime() ?? 0) / 1000)),
    link: type === 'symlink' ? bytesOf(pax[rawLink], header.linkname ?? '') : null,
  };
}

const rawName = 'LABKEEPER.name';
const rawLink = 'LABKEEPER.link';

const bytesOf = (raw: string | undefined, text: string): BytePath =>
  raw === undefined ? fromText(text) : Buffer.from(raw, 'base64').toString('latin1');

/** One sum over all entries as they follow each other: what each is, and its bytes. */
export interface Digest {
  begin(entry: Entry): void;
  add(piece: Uint8Array): void;
  /** Of what came so far. */
  value(): string;
}

export function createDigest(): Digest {
  const hash: Hash = createHash('sha256');
  return {
    begin({ path, type, mode, uid, gid, size, modifiedAtS, link }) {
      hash.update(JSON.stringify([path, type, mode, uid, gid, size, modifiedAtS, link]));
    },
    add(piece) {
      hash.update(piece);
    },
    value: () => hash.copy().digest('hex'),
  };
}
