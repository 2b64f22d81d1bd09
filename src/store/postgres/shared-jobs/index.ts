import type { SharedJobStore } from '../../shared-job-ports.ts';
import type { Database } from '../database.ts';
import { findImported, importOnce, listImported } from './imported.ts';
import { findAllShared, findByKey, findShared, listShared, sharedConfig } from './read.ts';

/** Jobs of old families on PostgreSQL. */
export function sharedJobStore(database: Database): SharedJobStore {
  return {
    find: (id) => findShared(database, id),
    list: (page) => listShared(database, page),
    findAll: (ids) => findAllShared(database, ids),
    findByKey: (key) => findByKey(database, key),
    config: (id) => sharedConfig(database, id),
    importOnce: (source, jobs) => importOnce(database, source, jobs),
    findImported: (id) => findImported(database, id),
    listImported: (limit) => listImported(database, limit),
  };
}
