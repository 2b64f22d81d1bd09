import { randomInt } from 'node:crypto';
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi';
import {
  deviceCodeSchema,
  deviceLoginSchema,
  newDeviceLoginSchema,
  pendingLoginSchema,
} from '../model/device-login.ts';
import { LabError } from '../model/failures.ts';
import { newTokenAnswerSchema } from '../model/people-api.ts';
import { digestOf, newSecret, newToken } from './auth/secrets.ts';
import type { ApiDependencies, ApiEnv } from './dependencies.ts';
import { json, problems, router } from './openapi.ts';
import { exampleNewToken } from './people-examples.ts';
import { tokenJson } from './present-people.ts';

const day = 24 * 60 * 60 * 1000;
/** Long enough to find the browser, too short to be found out. */
const confirmWithinMs = 10 * 60 * 1000;
const pollMs = 1_000;
const tokenLastsMs = 90 * day;

/** `/api/v1/device-logins`: how a program gets a token of a person who is at a browser. */
export function deviceLogins({
  store,
  settings,
}: Pick<ApiDependencies, 'store' | 'settings'>): OpenAPIHono<ApiEnv> {
  return router()
    .openapi(beginRoute, async (context) => {
      if (settings.authentication === 'open') {
        throw new LabError(
          'conflict',
          'no login is needed: LABKEEPER_AUTHENTICATION is open, whoever reaches the loopback is its one user',
        );
      }
      const { label } = context.req.valid('json');
      const deviceCode = newSecret();
      const userCode = newUserCode();
      await store.deviceLogins.add({
        digest: digestOf(deviceCode),
        userCode,
        label,
        lastsMs: confirmWithinMs,
      });
      const verificationUrl = `${settings.publicConsoleUrl}/login/device?code=${userCode}`;
      const answer = {
        deviceCode,
        userCode,
        verificationUrl,
        expiresInMs: confirmWithinMs,
        pollMs,
      };
      return context.json(answer, 201, { 'cache-control': 'no-store' });
    })
    .openapi(tokenRoute, async (context) => {
      const { deviceCode } = context.req.valid('json');
      const taken = await store.deviceLogins.take(digestOf(deviceCode));
      if (taken === 'pending') return context.json({ state: 'pending' as const }, 202);
      if (taken === 'over') {
        throw new LabError(
          'not_found',
          'this login is over: it has expired or was taken; begin anew',
        );
      }
      const { id, text, digest } = newToken();
      const made = await store.tokens.add(
        { id, digest, person: taken.person, label: taken.label, lastsMs: tokenLastsMs },
        { actor: taken.person },
      );
      return context.json({ ...tokenJson(made), token: text }, 201, {
        'cache-control': 'no-store',
      });
    });
}

/** Without letters that are taken for others, or make words. */
const codeLetters = 'BCDFGHJKLMNPQRSTVWXZ';

function newUserCode(): string {
  const letters = Array.from({ length: 8 }, () => codeLetters[randomInt(codeLetters.length)]);
  return `${letters.slice(0, 4).join('')}-${letters.slice(4).join('')}`;
}

const exampleDeviceCode = '0000000000000000000000000000000000000000000';

const beginRoute = createRoute({
  method: 'post',
  path: '/api/v1/device-logins',
  tags: ['people'],
  summary: 'Begin the login of a program',
  description:
    'For programs whose person is at a browser: show the address, then ask for the token. Needs no login itself.',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: newDeviceLoginSchema.meta({ id: 'NewDeviceLogin' }),
          example: { label: 'labkeeper on laptop' },
        },
      },
    },
  },
  responses: {
    201: json('It waits for its person', deviceLoginSchema.meta({ id: 'DeviceLogin' }), {
      deviceCode: exampleDeviceCode,
      userCode: 'BCDF-GHJK',
      verificationUrl: 'http://localhost:8080/login/device?code=BCDF-GHJK',
      expiresInMs: confirmWithinMs,
      pollMs,
    }),
    ...problems(
      'invalid',
      'conflict',
      'quota_exceeded',
      'body_too_large',
      'unsupported_media_type',
      'unavailable',
    ),
  },
});

const tokenRoute = createRoute({
  method: 'post',
  path: '/api/v1/device-logins/token',
  tags: ['people'],
  summary: 'Take the token of a confirmed login',
  description: 'Works once. 202 while nobody has confirmed it, 404 when it is over.',
  request: {
    body: {
      required: true,
      content: {
        'application/json': {
          schema: deviceCodeSchema.meta({ id: 'DeviceCode' }),
          example: { deviceCode: exampleDeviceCode },
        },
      },
    },
  },
  responses: {
    201: json('The token', newTokenAnswerSchema.meta({ id: 'MadeToken' }), exampleNewToken),
    202: json('Not yet', pendingLoginSchema.meta({ id: 'PendingLogin' }), { state: 'pending' }),
    ...problems(
      'invalid',
      'not_found',
      'quota_exceeded',
      'body_too_large',
      'unsupported_media_type',
      'unavailable',
    ),
  },
});
