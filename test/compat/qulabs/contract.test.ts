import { afterAll, beforeAll, describe } from 'vitest';
import { requirePart } from '../../beds/require.ts';
import { startQulabsWorld, type QulabsWorld } from './bed.ts';
import { acceptance } from './contract/acceptance.ts';
import { browsers } from './contract/browsers.ts';
import { conventions } from './contract/conventions.ts';
import { gatewayPath } from './contract/gateway-path.ts';
import { lifecycle } from './contract/lifecycle.ts';
import { listAndDelete } from './contract/list-and-delete.ts';
import { registering } from './contract/registering.ts';
import { visiting } from './contract/visiting.ts';

const present =
  requirePart('temporal') &&
  requirePart('postgres') &&
  requirePart('docker') &&
  requirePart('registry') &&
  requirePart('chromium');

/** Titles begin with the mark of their row in the contract. */
describe.runIf(present)('QuLabs clients', { timeout: 120_000 }, () => {
  let world: QulabsWorld;
  beforeAll(async () => {
    world = await startQulabsWorld();
  }, 180_000);
  afterAll(() => world?.close(), 90_000);
  const given = () => world;

  describe('conventions', () => {
    conventions(given);
  });
  describe('register', () => {
    registering(given);
  });
  describe('visit, loading page, status', () => {
    visiting(given);
  });
  describe('list and delete', () => {
    listAndDelete(given);
  });
  describe('lifecycle', () => {
    lifecycle(given);
  });
  describe('gateway path', () => {
    gatewayPath(given);
  });
  describe('a browser', () => {
    browsers(given);
  });
  describe('acceptance', () => {
    acceptance(given);
  });
});
