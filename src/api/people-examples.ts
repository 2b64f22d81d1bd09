import type {
  AppLinkJson,
  LoginLinkJson,
  MemberJson,
  MeJson,
  NewAppLinkJson,
  NewTokenJson,
  PersonJson,
  SessionJson,
  SpaceJson,
  TokenJson,
} from '../model/people-api.ts';

/** What the documentation shows of people. A test sends and parses every one of them. */
export const exampleMe: MeJson = {
  person: 'ada@uni.example',
  operator: false,
  roles: { default: 'user', ml101: 'instructor' },
  via: 'session',
};

export const examplePerson: PersonJson = {
  name: 'ada@uni.example',
  title: 'Ada',
  operator: false,
  disabled: false,
  roles: { default: 'user', ml101: 'instructor' },
  createdAt: '2026-03-01T09:00:00.000Z',
  createdBy: 'local user',
  lastSeenAt: '2026-03-02T09:15:00.000Z',
};

export const exampleSpace: SpaceJson = {
  name: 'ml101',
  title: 'Machine learning 101',
  maxApps: 40,
  maxAwakeApps: 10,
  maxRunningJobs: 8,
  maxQueuedJobs: null,
  runningJobs: 2,
  queuedJobs: 5,
  apps: 12,
  awakeApps: 3,
  members: 41,
  createdAt: '2026-03-01T09:00:00.000Z',
};

export const exampleMember: MemberJson = {
  person: 'ada@uni.example',
  title: 'Ada',
  role: 'instructor',
  since: '2026-03-01T09:00:00.000Z',
};

export const exampleSession: SessionJson = {
  id: '7f0c2f6e-5a39-4c58-9a8e-3d8ffb9dbd60',
  person: 'ada@uni.example',
  via: 'login link',
  agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  current: true,
  createdAt: '2026-03-02T08:00:00.000Z',
  expiresAt: '2026-03-09T08:00:00.000Z',
  lastSeenAt: '2026-03-02T09:15:00.000Z',
};

export const exampleToken: TokenJson = {
  id: '3f9a1c0b2d4e',
  person: 'ada@uni.example',
  label: 'airflow',
  state: 'active',
  createdAt: '2026-03-02T08:00:00.000Z',
  createdBy: 'ada@uni.example',
  expiresAt: '2026-05-31T08:00:00.000Z',
  revokedAt: null,
  lastUsedAt: '2026-03-02T09:15:00.000Z',
};

export const exampleNewToken: NewTokenJson = {
  ...exampleToken,
  lastUsedAt: null,
  token: 'lk_3f9a1c0b2d4e_0000000000000000000000000000000000000000000',
};

export const exampleLoginLink: LoginLinkJson = {
  person: 'ada@uni.example',
  url: 'http://localhost:8080/login/link?code=0000000000000000000000000000000000000000000',
  expiresAt: '2026-03-02T10:00:00.000Z',
};

export const exampleAppLink: AppLinkJson = {
  id: '9c41e07ab25d',
  app: 'plot',
  label: 'reviewers',
  state: 'active',
  createdAt: '2026-03-02T08:00:00.000Z',
  createdBy: 'ada@uni.example',
  expiresAt: '2026-03-09T08:00:00.000Z',
  revokedAt: null,
};

export const exampleNewAppLink: NewAppLinkJson = {
  ...exampleAppLink,
  url: 'http://localhost:8081/app/plot/.labkeeper/enter?link=WzE3NzMwNDMyMDAwMDBd.0000000000000000000000000000000000000000000',
};
