import {
  appEntity,
  jobEntity,
  jobTypeEntity,
  sweepEntity,
  volumeEntity,
  type EntityName,
} from '../../model/names.ts';
import type { Permission, Subject } from '../../model/roles.ts';
import type { Store } from '../../store/ports.ts';

/** What a path names, as far as permissions go. */
export type SubjectKind =
  | 'app'
  | 'job'
  | 'job-type'
  | 'sweep'
  | 'volume'
  | 'space'
  | 'operation'
  | 'installation';

export interface Found {
  /** False when there is no such thing, and never was as far as is known. */
  exists: boolean;
  subject: Subject | null;
  /** As sentences call it: `app/plot`. */
  what: string;
  /** Who may not even do this is told that there is no such thing. */
  see: Permission | null;
  /** Completes `there is no …`. */
  absent: string;
}

/** Finds what the path names: the space it lies in, and whose it is. */
export async function findSubject(
  kind: SubjectKind,
  params: Readonly<Record<string, string>>,
  store: Pick<Store, 'apps' | 'events' | 'jobs' | 'jobTypes' | 'operations' | 'sweeps' | 'volumes'>,
): Promise<Found> {
  switch (kind) {
    case 'installation':
      return { exists: true, subject: null, what: 'here', see: null, absent: '' };
    case 'space': {
      const name = params['space'] ?? '';
      const subject = { space: name, owner: null };
      const absent = `no space ${name}`;
      return { exists: true, subject, what: `space/${name}`, see: 'space.see', absent };
    }
    case 'app': {
      const name = params['name'] ?? '';
      const there = await store.apps.find(name);
      return found(there, appEntity(name), { see: 'app.see', absent: `no app ${name}` }, store);
    }
    case 'job': {
      const id = params['id'] ?? '';
      const words = { see: 'job.see', absent: `no job ${id}` } as const;
      return found(await store.jobs.find(id), jobEntity(id), words, store);
    }
    case 'job-type': {
      const name = params['name'] ?? '';
      const words = { see: 'job.see', absent: `no job type ${name}` } as const;
      return found(await store.jobTypes.find(name), jobTypeEntity(name), words, store);
    }
    case 'sweep': {
      const id = params['id'] ?? '';
      const words = { see: 'job.see', absent: `no sweep ${id}` } as const;
      return found(await store.sweeps.find(id), sweepEntity(id), words, store);
    }
    case 'volume': {
      const name = params['name'] ?? '';
      const words = { see: 'volume.see', absent: `no volume ${name}` } as const;
      return found(await store.volumes.find(name), volumeEntity(name), words, store);
    }
    case 'operation': {
      const id = params['id'] ?? '';
      const operation = await store.operations.find(id);
      const space = operation && (await spaceOf(operation.entity, store));
      return {
        exists: operation !== null,
        subject: space === null ? null : { space, owner: operation?.actor ?? null },
        what: `operation ${id}`,
        see: 'app.see',
        absent: `no operation ${id}`,
      };
    }
  }
}

async function found(
  there: Subject | null,
  entity: EntityName,
  words: Pick<Found, 'see' | 'absent'>,
  store: Pick<Store, 'events'>,
): Promise<Found> {
  const common = { what: entity, ...words };
  if (there !== null) {
    const { space, owner } = there;
    return { ...common, exists: true, subject: { space, owner } };
  }
  // What was removed keeps its timeline, and the space it was in.
  const space = await spaceOf(entity, store);
  return {
    ...common,
    exists: space !== null,
    subject: space === null ? null : { space, owner: null },
  };
}

async function spaceOf(entity: EntityName, store: Pick<Store, 'events'>): Promise<string | null> {
  const [last] = await store.events.list({ entity, limit: 1 });
  return last?.space ?? null;
}
