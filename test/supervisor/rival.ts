import { lockSupervisor } from '../../src/supervisor/supervisor-lock.ts';

// One of several processes that try to lock the same data folder when told to.
process.once('message', () => {
  lockSupervisor(process.argv[2] ?? '').then(
    () => process.send?.('mine'),
    (error: Error) => process.send?.(error.message),
  );
});
process.send?.('ready');
