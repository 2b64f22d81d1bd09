/** What the command line ends with; part of its interface, so scripts can tell the cases apart. */
export const exitCodes = {
  ok: 0,
  /** It was understood and did not work out: refused, failed, timed out. */
  failed: 1,
  /** The command line or the file it names has mistakes; nothing was done. */
  usage: 2,
  notFound: 3,
  /** No labkeeper answers. */
  unreachable: 4,
  /** `apply --diff` found that something would change. */
  differs: 5,
  /** A job that was waited for was canceled. */
  canceled: 6,
  /** It expired: it waited too long to start. */
  expired: 7,
  /** It ran for longer than it may; the code that `timeout` has for this. */
  ranTooLong: 124,
} as const;

/** One of `exitCodes`; where a job was waited for and failed, the code that it ended with. */
export type ExitCode = number;

/** A mistake of whoever typed: shown with a hint at the verb's help. `errors` names each mistake of a file. */
export class UsageError extends Error {
  readonly errors: { path: string; message: string }[] | undefined;

  constructor(message: string, errors?: { path: string; message: string }[]) {
    super(message);
    this.name = 'UsageError';
    this.errors = errors;
  }
}

/** Nothing of that name. */
export class NotFoundError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotFoundError';
  }
}
