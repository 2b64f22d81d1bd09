import { z } from 'zod';
import { dnsLabelPattern } from './names.ts';

/** Kept apart from the pure names, so that zod stays out of the workflow bundle. */
export const nameSchema = z
  .string()
  .regex(
    dnsLabelPattern,
    'must be a DNS label: 1 to 63 lower-case letters, digits and inner hyphens',
  )
  .describe('Name: a DNS label, unique among things of its kind');
