import { describe, expect, it } from 'vitest';
import { appSpecSchema } from '../../src/model/app-spec.ts';
import { fieldExamples } from '../../src/model/field-examples.ts';
import { fieldHelp, resourceFields, resourceNames } from '../../src/model/field-help.ts';
import { newTokenSchema, personChangeSchema, spaceChangeSchema } from '../../src/model/person.ts';
import { volumeBodySchema } from '../../src/model/volume-api.ts';

/** Every field there is, with those inside it. */
function all(path: string): string[] {
  const inside = fieldHelp(path)?.fields.map(({ field }) => field) ?? [];
  return inside.flatMap((field) => [field, ...all(field)]);
}
const paths = resourceNames.flatMap(all);

const parsers = {
  app: (given: object) => appSpecSchema.parse({ image: 'plot', port: 80, ...given }),
  space: (given: object) => spaceChangeSchema.parse(given),
  person: (given: object) => personChangeSchema.parse(given),
  volume: (given: object) => volumeBodySchema.parse(given),
  token: (given: object) => newTokenSchema.parse({ label: 'x', ...given }),
};

describe('what is said of a field', () => {
  it('tells type, default, limits and an example of a duration in words too', () => {
    expect(fieldHelp('app.idle.idleAfterMs')).toEqual({
      field: 'app.idle.idleAfterMs',
      type: 'integer',
      description: 'Asleep after this long without use, tab open or not',
      required: false,
      default: 1_800_000,
      limits: ['10 to 31536000000 (365 d)'],
      values: [],
      example: 3_600_000,
      fields: [],
    });
  });

  it('tells what may be chosen, what must be set, and what is inside', () => {
    expect(fieldHelp('app.access')?.values).toEqual(['everyone', 'people', 'members']);
    expect(fieldHelp('token.label')?.required).toBe(true);
    expect(fieldHelp('app.limits')?.fields.map(({ field }) => field)).toEqual([
      'app.limits.cpus',
      'app.limits.memoryBytes',
      'app.limits.pids',
    ]);
    expect(fieldHelp('app.volumes')?.fields.map(({ field }) => field)).toContain(
      'app.volumes.readOnly',
    );
  });

  it.each(['app.idle.never', 'app.__proto__', 'pod', 'app.', '', 'app.title.more'])(
    'knows no field %j',
    (path) => expect(fieldHelp(path)).toBeNull(),
  );

  it('describes each field, with an example that fits', () => {
    expect(paths.length).toBeGreaterThan(50);
    for (const path of paths) {
      const help = fieldHelp(path);
      expect(help?.description, path).not.toBe('');
      expect(help, path).toHaveProperty('example');
      // What is inside a list has its example in that of the list.
      if (path.startsWith('app.volumes.')) continue;
      const [resource = '', ...keys] = path.split('.');
      const given = keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), help?.example);
      expect(() => parsers[resource as keyof typeof parsers](given as object), path).not.toThrow();
    }
  });

  it('has no example of a field that is gone', () => {
    expect(Object.keys(fieldExamples).filter((path) => !paths.includes(path))).toEqual([]);
  });

  it('completes level by level', () => {
    expect(resourceFields('ap')).toContain('app.');
    expect(resourceFields('app.idle.')).toContain('app.idle.maxAgeMs');
    expect(resourceFields('nothing.x')).toEqual([]);
  });
});
