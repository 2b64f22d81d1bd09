/** Where a host has secrets of its own, by the name of a secret. Pure, so that texts and look-ups agree. */

/** The space whose secrets stand where nobody has to name a space. */
export const defaultSpace = 'default';

/** Environment variables of a worker that are secrets of the default space. */
export const secretVariablePrefix = 'LABKEEPER_SECRET_';

/** `hf-token` → `LABKEEPER_SECRET_HF_TOKEN`. Null for other spaces, which have no variables. */
export function secretVariable(space: string, name: string): string | null {
  if (space !== defaultSpace) return null;
  return `${secretVariablePrefix}${name.toUpperCase().replaceAll('-', '_')}`;
}

/** Below the folder of secrets: names and spaces are DNS labels, so nothing leads out of it. */
export function secretFile(space: string, name: string): string {
  return space === defaultSpace ? name : `${space}/${name}`;
}
