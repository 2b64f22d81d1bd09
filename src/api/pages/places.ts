import { spacesOf, type Caller, type Permission } from '../../model/roles.ts';

/** Where a page belongs in the navigation. */
export type Section =
  | 'home'
  | 'manage'
  | 'jobs'
  | 'events'
  | 'hosts'
  | 'people'
  | 'spaces'
  | 'secrets'
  | 'volumes'
  | 'account';

export interface Place {
  section: Section;
  href: string;
  label: string;
  /** Shown to those who may this somewhere; null: to everybody. */
  may: Permission | null;
}

/** The navigation, in its order. Each page refuses by itself whom it is not for. */
const places: readonly Place[] = [
  { section: 'home', href: '/', label: 'Home', may: null },
  { section: 'manage', href: '/manage', label: 'Manage', may: 'app.register' },
  { section: 'jobs', href: '/manage/jobs', label: 'Jobs', may: 'job.submit' },
  { section: 'events', href: '/manage/events', label: 'Events', may: 'app.register' },
  { section: 'hosts', href: '/manage/hosts', label: 'Hosts', may: 'host.see' },
  { section: 'people', href: '/manage/people', label: 'People', may: 'person.manage' },
  { section: 'spaces', href: '/manage/spaces', label: 'Spaces', may: 'space.manage' },
  { section: 'secrets', href: '/manage/secrets', label: 'Secrets', may: 'secret.see' },
  { section: 'volumes', href: '/manage/volumes', label: 'Volumes', may: 'volume.create' },
];

/** The places of the navigation that a caller has any use of. */
export function placesFor(caller: Caller): Place[] {
  return places.filter(({ may }) => may === null || mayAnywhere(caller, may));
}

/** Whether there is a space, or all of them, where the caller may this. */
export function mayAnywhere(caller: Caller, permission: Permission): boolean {
  const spaces = spacesOf(caller, permission);
  return spaces === null || spaces.length > 0;
}
