import { randomUUID } from 'node:crypto';
import { appSpecSchema, type AppSpecInput } from '../../src/model/app-spec.ts';
import type { AppStore } from '../../src/store/ports.ts';

/** A registration with everything filled in but what the test is about. */
export function registration(
  name: string,
  given: { spec?: AppSpecInput; operationId?: string; actor?: string; space?: string } = {},
): Parameters<AppStore['register']>[0] {
  return {
    name,
    space: given.space ?? 'default',
    owner: 'ana',
    spec: appSpecSchema.parse({ command: ['serve', '{port}'], ...given.spec }),
    actor: given.actor ?? 'ana',
    operationId: given.operationId ?? randomUUID(),
  };
}
