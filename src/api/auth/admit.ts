import { personNameSchema } from '../../model/person.ts';
import type { ProvenIdentity } from '../../outbound/identity-provider.ts';
import type { Person } from '../../store/people-ports.ts';
import type { ApiDependencies } from '../dependencies.ts';

/**
 * Whom a proven identity logs in. Known subjects first; then a verified mail address that is the name of
 * a person here; then somebody new, if the address is of a domain that may (LABKEEPER_OIDC_DOMAINS).
 * Else the sentence that says why not.
 */
export async function admit(
  identity: ProvenIdentity,
  { store, settings }: Pick<ApiDependencies, 'store' | 'settings'>,
): Promise<Person | { refused: string }> {
  const { issuer, subject, email, name } = identity;
  const known = await store.people.findIdentity(issuer, subject);
  if (known !== null) return known.disabled ? disabled(known.name) : known;
  if (email === null) {
    return {
      refused: 'The provider tells no verified mail address of you, so nobody knows you here.',
    };
  }
  const person = await store.people.find(email);
  if (person?.disabled === true) return disabled(email);
  const domain = email.slice(email.lastIndexOf('@') + 1);
  const isWelcome =
    settings.oidcDomains.includes(domain) && personNameSchema.safeParse(email).success;
  if (person === null && !isWelcome) {
    return {
      refused: `${email} is not known here. Ask whoever runs this labkeeper to add you under that name.`,
    };
  }
  const by = { actor: email };
  const admitted =
    person ??
    (await store.people.put(email, name === null ? {} : { title: name }, { ...by, role: 'user' }))
      .person;
  await store.people.addIdentity({ issuer, subject, person: email }, by);
  return admitted;
}

const disabled = (name: string) => ({ refused: `${name} may not log in any more.` });
