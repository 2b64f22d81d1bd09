import http from 'node:http';
import { avoid, inTurn, type Apis } from './apis.ts';
import type { Log } from '../log.ts';
import type { Target } from './upstream.ts';
import type { Tracing } from '../tracing/tracing.ts';
import type { GatewayCounts } from './counts.ts';

/** How far the gateway is with asking the control plane to wake an app. */
export interface WakeState {
  phase: 'asking' | 'asked' | 'failing';
  /** Why the control plane did not take the wish, in plain words. */
  trouble: string | null;
  /** It was refused because its space may have no more apps awake: that ends when one of them sleeps. */
  full: boolean;
  /** The first visitor: `visitor`, or the person it is. */
  actor: string;
  why: string;
  /** Trace context of the visit. */
  traceparent: string | undefined;
  attempts: number;
  timer: NodeJS.Timeout | null;
  /** A page without a script asked: it counts as somebody who waits until then. */
  wantedUntilMs: number;
}

export interface Waker {
  states: Map<string, WakeState>;
  options: WakerOptions;
}

export interface WakerOptions {
  post: PostToApi;
  /** Somebody still waits for the app: held requests, open waiting pages. */
  isAwaited: (app: string) => boolean;
  /** What to tell waiting people changed. */
  onChange: (app: string) => void;
  /** Counts calls by their answer. */
  asked: GatewayCounts['asked'];
  tracing: Tracing;
  log: Log;
  retryMs: number;
}

/** One call to the API's internal side. Throws when it does not answer in time. */
export type PostToApi = (
  method: 'GET' | 'POST',
  path: string,
  body: unknown,
  traceparent?: string,
) => Promise<{ status: number; body: string }>;

export function createWaker(options: WakerOptions): Waker {
  return { states: new Map(), options };
}

/**
 * Asks the API once to wake an app, for any number of visitors; tried again with back-off while
 * somebody waits. What comes of it is seen in the app's condition.
 */
export function wake(
  waker: Waker,
  app: string,
  { actor, why, traceparent }: Pick<WakeState, 'actor' | 'why' | 'traceparent'>,
): void {
  const wantedUntilMs = Date.now() + 15_000;
  const state = waker.states.get(app);
  if (state !== undefined) {
    state.wantedUntilMs = wantedUntilMs;
    return;
  }
  const fresh: WakeState = {
    phase: 'asking',
    trouble: null,
    full: false,
    actor,
    why,
    traceparent,
    attempts: 0,
    timer: null,
    wantedUntilMs,
  };
  waker.states.set(app, fresh);
  waker.options.onChange(app);
  void attempt(waker, app, fresh);
}

/** The app's condition moved: the wish was heard, or is void. */
export function settleWake(waker: Waker, app: string): void {
  const state = waker.states.get(app);
  if (state === undefined) return;
  if (state.timer !== null) clearTimeout(state.timer);
  waker.states.delete(app);
}

export function closeWaker(waker: Waker): void {
  for (const app of waker.states.keys()) settleWake(waker, app);
}

/**
 * A caller of the APIs with the secret that our processes share. One that does not answer hands over
 * to the next: every internal call may be made twice.
 */
export function apiCaller(apis: Apis, token: string | null, timeoutMs: number): PostToApi {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
  return async (...call) => {
    let failure: unknown;
    for (const index of inTurn(apis)) {
      const target = apis.targets[index];
      if (target === undefined) continue;
      try {
        return await callOnce({ agent, target, token, timeoutMs }, ...call);
      } catch (error) {
        failure = error;
        avoid(apis, index);
      }
    }
    throw failure;
  };
}

function callOnce(
  to: { agent: http.Agent; target: Target; token: string | null; timeoutMs: number },
  ...[method, path, body, traceparent]: Parameters<PostToApi>
): ReturnType<PostToApi> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? '' : JSON.stringify(body);
    const request = http.request({
      ...{ host: to.target.address, port: to.target.port, path, method, agent: to.agent },
      signal: AbortSignal.timeout(to.timeoutMs),
      headers: {
        accept: 'application/json',
        ...(text === ''
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
        ...(to.token === null ? {} : { authorization: `Bearer ${to.token}` }),
        ...(traceparent === undefined ? {} : { traceparent }),
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > 256 * 1024) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
        });
      });
    });
    request.end(text);
  });
}

async function attempt(waker: Waker, app: string, state: WakeState): Promise<void> {
  const { options } = waker;
  const span = options.tracing.begin({
    name: 'ask to wake',
    kind: 'client',
    parent: state.traceparent,
    attributes: { 'labkeeper.app': app, 'labkeeper.attempt': state.attempts + 1 },
  });
  let trouble: string;
  let full = false;
  try {
    const { status, body } = await options.post(
      'POST',
      `/internal/apps/${app}/wake`,
      { actor: state.actor, why: state.why },
      span.traceparent,
    );
    const taken = status >= 200 && status < 300;
    options.asked[taken ? 'taken' : 'refused'].add();
    span.end({
      attributes: { 'http.response.status_code': status },
      failure: taken ? undefined : 'refused',
    });
    if (waker.states.get(app) !== state) return;
    if (taken) {
      state.phase = 'asked';
      state.trouble = null;
      state.full = false;
      // If the condition never moves, the wish is forgotten: the next visit asks again.
      state.timer = setTimeout(() => lookAgain(waker, app, state), heardWithinMs).unref();
      options.onChange(app);
      return;
    }
    full = status === 429;
    const detail = detailOf(body);
    trouble = full ? sentence(detail) : `The control plane refused (${status}): ${detail}`;
  } catch (error) {
    options.asked.unanswered.add();
    span.end({ failure: 'unanswered' });
    if (waker.states.get(app) !== state) return;
    if (state.attempts === 0) options.log.warn({ app, err: error }, 'cannot ask the API to wake');
    trouble = 'The control plane does not answer.';
  }
  state.phase = 'failing';
  state.trouble = trouble;
  state.full = full;
  state.attempts += 1;
  const delayMs = Math.min(10_000, options.retryMs * 2 ** Math.min(state.attempts - 1, 6));
  state.timer = setTimeout(() => lookAgain(waker, app, state), delayMs).unref();
  options.onChange(app);
}

const heardWithinMs = 10_000;

function lookAgain(waker: Waker, app: string, state: WakeState): void {
  if (waker.states.get(app) !== state) return;
  state.timer = null;
  const awaited = waker.options.isAwaited(app) || state.wantedUntilMs > Date.now();
  if (!awaited) {
    waker.states.delete(app);
    waker.options.onChange(app);
    return;
  }
  void attempt(waker, app, state);
}

const maxDetail = 500;

const sentence = (words: string) => `${words.slice(0, 1).toUpperCase()}${words.slice(1)}.`;

function detailOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null && 'detail' in parsed) {
      return String(parsed.detail).slice(0, maxDetail);
    }
  } catch {
    return body.slice(0, maxDetail);
  }
  return body.slice(0, maxDetail);
}
