import type { AccessMode } from '../../model/roles.ts';
import type { App } from '../../store/ports.ts';
import type { ApiSettings } from '../dependencies.ts';

/** Who may open an app, as the end of `It can be opened by …`. */
export function accessWords(
  { space, spec }: Pick<App, 'space'> & { spec: { access: AccessMode } },
  { authentication }: Pick<ApiSettings, 'authentication'>,
): string {
  if (authentication === 'open') return 'whoever reaches this machine: no login is needed here';
  switch (spec.access) {
    case 'everyone':
      return 'everybody who reaches it, without a login';
    case 'people':
      return 'everybody who is logged in';
    case 'members':
      return `users of the space ${space}, and those above them`;
  }
}
