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
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

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
