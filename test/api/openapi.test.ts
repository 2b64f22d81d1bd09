import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleJobType } from '../../src/api/job-examples.ts';
import { exampleAppLink } from '../../src/api/people-examples.ts';
import { requirePart } from '../beds/require.ts';
import { openApi, type ApiBed } from './bed.ts';
import { jsonChecker, resolve, type Components, type JsonSchema } from './json-schema.ts';

interface Media {
  schema: JsonSchema;
  example?: unknown;
}
interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  example?: unknown;
  schema: JsonSchema;
}
interface Operation {
  summary: string;
  description: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, { description: string; content?: Record<string, Media> }>;
}
interface Document {
  openapi: string;
  components: { schemas: Components };
  paths: Record<string, Record<string, Operation>>;
}

describe.runIf(requirePart('postgres'))('the OpenAPI document', () => {
  let api: ApiBed;
  let document: Document;
  let checkJson: ReturnType<typeof jsonChecker>;
  beforeAll(async () => {
    api = await openApi();
    const answer = await api.send('GET', '/openapi.json');
    document = (await answer.json()) as Document;
    checkJson = jsonChecker(document.components.schemas);
  });
  afterAll(() => api.close());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, verbs]) =>
      Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation })),
    );

  it('is what it was: a change of it is a change of the contract', async () => {
    await expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot('openapi.json.snap');
  });

  it('has every route there is, but for internal ones, metrics and pages', () => {
    const documented = operations().map(({ verb, path }) => `${verb.toUpperCase()} ${path}`);
    const routes = api.app.routes
      .filter(({ method, path }) => method !== 'ALL' && /^\/(?:api|health)\//.test(path))
      .map(({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{.+\})?/g, '{$1}')}`);
    expect(new Set(documented)).toEqual(new Set(routes));
  });

  it('describes every route, parameter, answer and field', () => {
    const silent: string[] = [];
    for (const { path, verb, operation } of operations()) {
      const at = `${verb} ${path}`;
      if (!operation.summary || !operation.description) silent.push(at);
      for (const parameter of operation.parameters ?? []) {
        const { description } = parameter.schema;
        if (!parameter.description && !description) silent.push(`${at} ?${parameter.name}`);
      }
      for (const media of mediaOf(operation))
        silent.push(...silentFields(media.schema, at, document.components.schemas));
      for (const [status, response] of Object.entries(operation.responses)) {
        if (!response.description) silent.push(`${at} ${status}`);
      }
    }
    expect(silent).toEqual([]);
  });

  it('has an example of every body and answer, which its own schema accepts', () => {
    const mistakes: string[] = [];
    for (const { path, verb, operation } of operations()) {
      for (const media of mediaOf(operation)) {
        const found = checkJson(media.example, media.schema);
        mistakes.push(...found.map((mistake) => `${verb} ${path}: ${mistake}`));
      }
    }
    expect(mistakes).toEqual([]);
  });

  it('has an example for every parameter that a request needs', () => {
    const missing = operations().flatMap(({ path, verb, operation }) =>
      (operation.parameters ?? [])
        .filter((parameter) => parameter.required === true && exampleOf(parameter) === undefined)
        .map(({ name }) => `${verb} ${path}: ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it('is obeyed by the real API: every request of it is taken, and answered as it says', async () => {
    await api.register('plot');
    await api.store.apps.command({
      name: 'plot',
      verb: 'wake',
      cause: { actor: 'local user', why: 'demo at ten' },
      operationId: '0b6f6f5e-7f5c-4bb0-9a43-1f2f0f6a7d3c',
    });
    // Removal comes last, so that everything before it finds the app.
    const inOrder = operations().toSorted(
      (left, right) => Number(left.verb === 'delete') - Number(right.verb === 'delete'),
    );
    for (const { path, verb, operation } of inOrder) {
      for (const optional of [false, true]) {
        await haveExamples(api);
        const request = exampleRequest(path, operation, optional);
        const answer = await api.send(verb.toUpperCase(), request.path, request);
        const told = operation.responses[String(answer.status)];
        const at = `${verb} ${request.path}`;
        expect([at, possibleFor(verb, path, optional)]).toEqual([
          at,
          expect.arrayContaining([answer.status]),
        ]);
        const kind = (answer.headers.get('content-type') ?? '').split(';')[0] ?? '';
        const media = told?.content?.[kind];
        expect([at, answer.status, kind, media !== undefined]).toEqual([
          at,
          answer.status,
          kind,
          answer.status !== 204,
        ]);
        if (kind.endsWith('json')) {
          expect([at, checkJson(await answer.json(), media?.schema ?? {})]).toEqual([at, []]);
        } else {
          await answer.body?.cancel();
        }
      }
    }
  });
});

/** What the examples cannot avoid: nothing is awake here, no login waits under their code. */
function possibleFor(verb: string, path: string, optional: boolean): number[] {
  const good = [200, 201, 202, 204];
  if (path.endsWith('/device-logins/token')) return [...good, 404];
  // No app has used it, so it lies on no host yet.
  if (path.endsWith('/archive')) return [...good, 409];
  // The job of the examples was canceled before: it does not wait any more.
  if (path.endsWith('/jobs/{id}/hold')) return [...good, 409];
  // Nothing runs here, so no job comes to a result.
  if (path.endsWith('/jobs/{id}/result')) return [404, 409];
  if (path.endsWith('/artifacts/{path}')) return [404];
  // No host is silent here, and there is no lab-2.
  if (path.endsWith('/declare-dead')) return [404];
  const conflicts = optional || path.endsWith('/keep-awake') || path.endsWith('/device-logins');
  // What was removed at once is not there for the second time.
  const gone = optional && verb === 'delete' ? [404] : [];
  return conflicts ? [...good, ...gone, 409] : good;
}

/** The person, space, member and token that the examples speak of. */
async function haveExamples({ store }: ApiBed): Promise<void> {
  const by = { actor: 'local user' };
  await store.people.put('ada@uni.example', {}, by);
  await store.spaces.put('ml101', {}, by);
  await store.spaces.setRole('ml101', 'ada@uni.example', 'user', by);
  const { id: link, app, label } = exampleAppLink;
  if ((await store.links.list(app, 100)).every((one) => one.id !== link)) {
    await store.links.add({ id: link, app, label, expiresAt: new Date(Date.now() + 60_000) }, by);
  }
  await store.jobTypes.put({
    ...{ name: exampleJobType.name, owner: 'ada', actor: 'ada', spec: exampleJobType.spec },
    check: () => undefined,
  });
  const id = '3f9a1c0b2d4e';
  if ((await store.tokens.find(id)) !== null) return;
  const digest = createHash('sha256').update(id).digest();
  await store.tokens.add(
    { id, digest, person: 'ada@uni.example', label: 'x', lastsMs: 60_000 },
    by,
  );
}

function mediaOf(operation: Operation): Media[] {
  return [
    ...Object.values(operation.requestBody?.content ?? {}),
    ...Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {})),
  ];
}

function exampleOf(parameter: Parameter): unknown {
  return parameter.example ?? parameter.schema['example'];
}

/** The request that the examples make; with `optional` also what may be left out. */
function exampleRequest(path: string, operation: Operation, optional: boolean) {
  const query = new URLSearchParams();
  const headers: Record<string, string> = {};
  let filled = path;
  for (const parameter of operation.parameters ?? []) {
    const example = exampleOf(parameter);
    if (example === undefined) continue;
    const text = String(example);
    if (parameter.in === 'path') filled = filled.replace(`{${parameter.name}}`, text);
    else if (!optional && parameter.required !== true) continue;
    else if (parameter.in === 'query') query.set(parameter.name, text);
    else headers[parameter.name] = text;
  }
  const body = operation.requestBody?.content['application/json']?.example;
  return {
    path: query.size === 0 ? filled : `${filled}?${query}`,
    headers,
    ...(body === undefined ? {} : { body }),
  };
}

/** Paths of the fields without a description of their own or of what they hold. */
function silentFields(given: JsonSchema, at: string, components: Components): string[] {
  const schema = resolve(given, components);
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const inner = [
    ...choices,
    ...(schema.items === undefined ? [] : [schema.items]),
    ...(typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []),
  ];
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${at}.${name}`;
    const deeper = silentFields(field, path, components);
    return isDescribed(field, components) ? deeper : [path, ...deeper];
  });
  return [...fields, ...inner.flatMap((part) => silentFields(part, at, components))];
}

function isDescribed(given: JsonSchema, components: Components): boolean {
  const schema = resolve(given, components);
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const told = given.description ?? schema.description;
  return told !== undefined || choices.some((choice) => isDescribed(choice, components));
}
