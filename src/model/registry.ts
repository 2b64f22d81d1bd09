import { z } from 'zod';

/** Where an image without a registry in its name comes from. */
const dockerHub = 'docker.io';
const dockerHubAliases = ['index.docker.io', 'registry-1.docker.io'];

/** A registry as image names have it: host name or address, and a port where it is not 443. */
export const registryHostSchema = z
  .string()
  .max(255)
  .regex(
    /^(?:localhost|[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?=[.:])(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*)(?::[0-9]{1,5})?$/,
    'must be the registry as image names have it, such as registry.example:5000 or docker.io',
  )
  .refine((host) => !dockerHubAliases.includes(host), 'is called docker.io here')
  .describe('Registry as image names have it: host, and port where there is one');

/** The registry of an image name: what stands before the first slash, if it looks like a host. */
export function registryOf(image: string): string {
  const [first = '', ...path] = image.split('/');
  const isHost = path.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const host = isHost ? first.toLowerCase() : dockerHub;
  return dockerHubAliases.includes(host) ? dockerHub : host;
}
