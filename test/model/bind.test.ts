import { describe, expect, it } from 'vitest';
import { isLoopback, refusalToBind } from '../../src/model/bind.ts';

describe('addresses to bind', () => {
  it.each(['127.0.0.1', '127.8.9.1', '::1', '[::1]', 'localhost', 'LOCALHOST', '::ffff:127.0.0.1'])(
    'takes %s, which only this machine reaches',
    (address) => {
      expect(isLoopback(address)).toBe(true);
      expect(refusalToBind(address, 'open')).toBeNull();
    },
  );

  it.each(['0.0.0.0', '::', '192.168.1.4', '127.0.0.1.evil.example', 'localhost.evil.example', ''])(
    'refuses %j, which others reach, and says what to do',
    (address) => {
      expect(refusalToBind(address, 'open')).toContain(
        'needs authentication, and LABKEEPER_AUTHENTICATION is open',
      );
      expect(refusalToBind(address, 'open')).toContain('LABKEEPER_BIND=127.0.0.1');
    },
  );
});
