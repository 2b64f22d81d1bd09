import { errorAnswer, type Answer } from './http/answer.ts';
import type { RequestHead } from './http/head.ts';

/** How a way to the apps speaks with its visitors: our own, or that of a family of old clients. */
export interface Dialect {
  /** Calls of programs wait for an app that is not running; else they are refused. */
  holdsCalls: boolean;
  /** A connection that the app refuses is told as 502, whatever asked; else visitors wait for it. */
  tellsRefusals: boolean;
  /** X-Forwarded-Prefix for apps that keep their own prefix; '' for none. */
  mount: string;
  /** Header lines on every answer of an app, each with its CRLF. */
  answerLines: string;
  error(head: RequestHead, status: number, why: string, options?: ErrorOptions): Answer;
}

export interface ErrorOptions {
  retryAfterSeconds?: number;
  title?: string;
}

/** What `/app/<name>/` and `<name>.localhost` speak. */
export const ownDialect: Dialect = {
  holdsCalls: true,
  tellsRefusals: false,
  mount: '',
  answerLines: '',
  error: errorAnswer,
};
