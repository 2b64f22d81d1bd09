import type { AppSecretJson, RegistryJson, SecretJson } from '../model/secret-api.ts';
import type { AppSecret, Secret } from '../store/secret-ports.ts';

/** A secret as the API answers it. */
export function secretJson(secret: Secret): SecretJson {
  return { name: secret.name, ...kept(secret) };
}

/** The credentials of a registry as the API answers them. */
export function registryJson(secret: Secret): RegistryJson {
  return { host: secret.name, ...kept(secret) };
}

function kept(secret: Secret): Omit<SecretJson, 'name'> {
  const { space, version, owner, changedBy, createdAt, changedAt, usedBy } = secret;
  return { space, version, owner, changedBy, createdAt, changedAt, usedBy };
}

/** A secret variable of an app as the API answers it. */
export function appSecretJson({ variable, name, version, running }: AppSecret): AppSecretJson {
  return {
    variable,
    name,
    version,
    running: running === null ? null : { version: running.version, source: running.source },
    outdated: running !== null && running.version !== version,
  };
}
