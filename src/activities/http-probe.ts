import { request } from 'node:http';
import type { Probe } from './ports.ts';

const maxBodyBytes = 4096;

/** One GET on a fresh connection, with at most 4 KiB of the body. */
export const httpProbe: Probe = ({ host, port, path, headers, timeoutMs }) =>
  new Promise((resolve, reject) => {
    const outgoing = request(
      { host, port, path, headers, agent: false, timeout: timeoutMs },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        const finish = () => {
          clearTimeout(deadline);
          response.destroy();
          resolve({
            status: response.statusCode ?? 0,
            body: Buffer.concat(chunks).toString('utf8').slice(0, maxBodyBytes),
          });
        };
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk);
          size += chunk.length;
          if (size >= maxBodyBytes) finish();
        });
        response.on('end', finish);
        response.on('error', fail);
      },
    );
    const fail = (error: Error) => {
      clearTimeout(deadline);
      outgoing.destroy();
      reject(error);
    };
    const deadline = setTimeout(
      () => fail(new Error(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    outgoing.on('error', fail);
    outgoing.end();
  });
