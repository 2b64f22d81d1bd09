import { describe, expect, it } from 'vitest';
import { appSpecSchema } from '../../src/model/app-spec.ts';
import { appStarts } from '../../src/model/app-starts.ts';
import { presetSchema } from '../../src/model/presets.ts';

describe('what the form of an app begins with', () => {
  it('has a beginning for every preset', () => {
    const begun = new Set(appStarts.map(({ spec }) => appSpecSchema.parse(spec).preset));
    expect([...begun].sort()).toEqual([...presetSchema.options].sort());
  });

  it.each(appStarts)('$id is a whole definition', ({ spec }) => {
    expect(appSpecSchema.safeParse(spec).success).toBe(true);
  });
});
