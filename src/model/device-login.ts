import { z } from 'zod';

/** `labkeeper login`, as it travels over `/api/v1/device-logins`. After RFC 8628, with names of ours. */
export const newDeviceLoginSchema = z
  .strictObject({
    label: z
      .string()
      .trim()
      .min(1)
      .max(120)
      .regex(/^[^\u0000-\u001f\u007f]*$/, 'must be one line without control characters')
      .describe('What asks, such as `labkeeper on laptop`; shown to the person'),
  })
  .describe('A program that wants to act for a person');

export const deviceLoginSchema = z
  .object({
    deviceCode: z.string().describe('Kept by the program; it takes the token with it'),
    userCode: z.string().describe('Shown to the person, who compares it'),
    verificationUrl: z.string().describe('Where the person confirms, the code filled in'),
    expiresInMs: z.int().describe('By then it must be confirmed and taken'),
    pollMs: z.int().describe('Ask for the token this often'),
  })
  .describe('A login that waits for its person');

export const deviceCodeSchema = z
  .strictObject({
    deviceCode: z
      .string()
      .regex(/^[\w-]{43}$/, 'must be a device code')
      .describe('The code that the login began with'),
  })
  .describe('Asks for the token');

export const pendingLoginSchema = z
  .object({ state: z.literal('pending').describe('Nobody has confirmed it yet') })
  .describe('Ask again');

export type DeviceLoginJson = z.infer<typeof deviceLoginSchema>;
