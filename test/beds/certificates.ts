import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Certificate {
  certFile: string;
  keyFile: string;
}

/** An authority of one test, and what it signs; files of the folder that the test removes. */
export interface Authority extends Certificate {
  /** `name` is of the files and of whom it names; `hosts` as `DNS:localhost` or `IP:127.0.0.1`. */
  sign(name: string, hosts?: readonly string[]): Promise<Certificate>;
}

/** Needs the program `openssl`: guard by `requirePart('openssl')`. */
export async function makeAuthority(folder: string, name = 'authority'): Promise<Authority> {
  const own = filesOf(folder, name);
  await openssl([
    ...['req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`],
    ...['-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign'],
    ...['-keyout', own.keyFile, '-out', own.certFile],
  ]);
  return {
    ...own,
    async sign(subject, hosts = ['DNS:localhost', 'IP:127.0.0.1']) {
      const signed = filesOf(folder, subject);
      const request = join(folder, `${subject}.csr`);
      const extensions = join(folder, `${subject}.ext`);
      await writeFile(
        extensions,
        `subjectAltName=${hosts.join(',')}\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\n`,
      );
      await openssl([
        ...['req', ...newKey, '-subj', `/CN=${subject}`],
        ...['-keyout', signed.keyFile, '-out', request],
      ]);
      await openssl([
        ...['x509', '-req', '-in', request, '-days', '2', '-extfile', extensions],
        ...['-CA', own.certFile, '-CAkey', own.keyFile, '-CAcreateserial'],
        ...['-out', signed.certFile],
      ]);
      return signed;
    },
  };
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

async function openssl(args: readonly string[]): Promise<void> {
  await run('openssl', args, { timeout: 20_000 });
}

function filesOf(folder: string, name: string): Certificate {
  return { certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) };
}
