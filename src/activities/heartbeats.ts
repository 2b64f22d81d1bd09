import type { Context } from '@temporalio/activity';

const everyMs = 500;

/**
 * An interceptor: every activity that has a heartbeat timeout beats as long as it runs, so that a worker
 * that died is noticed by its silence, and a cancel arrives. One that is over sooner never beats.
 */
export function heartbeats(context: Pick<Context, 'info' | 'heartbeat'>) {
  return {
    inbound: {
      async execute<Input>(input: Input, next: (input: Input) => Promise<unknown>) {
        if (context.info.heartbeatTimeoutMs === undefined) return next(input);
        const beating = setInterval(() => context.heartbeat(), everyMs);
        try {
          return await next(input);
        } finally {
          clearInterval(beating);
        }
      },
    },
  };
}
