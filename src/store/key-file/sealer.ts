import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { LabError } from '../../model/failures.ts';
import type { Sealer, SecretKey } from '../secret-ports.ts';
import { readKeyFile, type EncryptionKey } from './key-file.ts';

/** AES-256-GCM (NIST SP 800-38D): 12 bytes of nonce, 16 of tag, then what is sealed. */
const algorithm = 'aes-256-gcm';
const nonceBytes = 12;
const tagBytes = 16;

/** Seals under the first key of a file, and opens what any key of it has sealed. */
export function keyFileSealer(path: string): Sealer {
  return {
    async seal(text, key) {
      const [current] = await readKeyFile(path);
      if (current === undefined) throw new Error(`${path} holds no key`);
      return { keyId: current.id, bytes: encrypt(text, key, current) };
    },
    async open(sealed, key) {
      const keys = await readKeyFile(path);
      const known = keys.find(({ id }) => id === sealed.keyId);
      if (known === undefined) {
        throw new LabError(
          'secret_unavailable',
          `cannot read ${key.name}: it was sealed under the key ${sealed.keyId}, which is not in ${path}. Put that key back, or set ${key.name} again`,
        );
      }
      return decrypt(sealed.bytes, key, known);
    },
    async currentKeyId() {
      return (await readKeyFile(path))[0]?.id ?? '';
    },
  };
}

function encrypt(text: string, key: SecretKey, { bytes }: EncryptionKey): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, bytes, nonce, { authTagLength: tagBytes });
  cipher.setAAD(binding(key));
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

function decrypt(sealed: Uint8Array, key: SecretKey, { bytes }: EncryptionKey): string {
  const nonce = sealed.subarray(0, nonceBytes);
  const tag = sealed.subarray(nonceBytes, nonceBytes + tagBytes);
  try {
    const decipher = createDecipheriv(algorithm, bytes, nonce, { authTagLength: tagBytes });
    decipher.setAAD(binding(key));
    decipher.setAuthTag(tag);
    const opened = [decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()];
    return Buffer.concat(opened).toString('utf8');
  } catch (error) {
    throw new LabError(
      'secret_unavailable',
      `cannot read ${key.name}: its row is not what was sealed for ${key.name} of the space ${key.space}. Set it again`,
      { cause: error },
    );
  }
}

/** What a row is bound to: moved to another name or space it cannot be opened. No part holds a NUL. */
const binding = ({ space, kind, name }: SecretKey): Buffer =>
  Buffer.from(['labkeeper secret 1', space, kind, name].join('\0'));
