/** A page to look at, and as whom. */
export interface ListedPage {
  /** Names its screenshots. */
  name: string;
  path: string;
  /** Who is logged in; see `filled.ts`. Null: nobody. */
  as: 'olga' | 'ivo' | 'uma@uni.example' | 'nina' | null;
}

/** Every page there is. `walk.test.ts` holds each to the same rules: a new page adds a line here. */
export const pageList: readonly ListedPage[] = [
  { name: 'home', path: '/', as: 'uma@uni.example' },
  { name: 'home-visitor', path: '/', as: null },
  { name: 'home-nobody', path: '/', as: 'nina' },
  { name: 'login', path: '/login', as: null },
  { name: 'login-link', path: '/login/link?code=x', as: null },
  { name: 'login-device', path: '/login/device', as: 'nina' },
  { name: 'account', path: '/account', as: 'olga' },
  { name: 'manage', path: '/manage', as: 'olga' },
  { name: 'app-new', path: '/manage/apps/new?start=streamlit', as: 'ivo' },
  { name: 'app-edit', path: '/manage/app/board/edit', as: 'ivo' },
  { name: 'app', path: '/manage/app/board', as: 'olga' },
  { name: 'app-user', path: '/manage/app/board', as: 'uma@uni.example' },
  { name: 'app-failed', path: '/manage/app/broken', as: 'olga' },
  { name: 'people', path: '/manage/people', as: 'olga' },
  { name: 'person', path: '/manage/person/uma%40uni.example', as: 'olga' },
  { name: 'spaces', path: '/manage/spaces', as: 'olga' },
  { name: 'space', path: '/manage/space/ml101', as: 'olga' },
  { name: 'space-user', path: '/manage/space/ml101', as: 'uma@uni.example' },
  { name: 'sharing', path: '/manage/app/board/sharing', as: 'ivo' },
  { name: 'secrets', path: '/manage/space/ml101/secrets', as: 'olga' },
  { name: 'secrets-nowhere', path: '/manage/secrets', as: 'nina' },
  { name: 'volumes', path: '/manage/volumes', as: 'ivo' },
  { name: 'volume', path: '/manage/volume/measurements', as: 'ivo' },
  { name: 'jobs', path: '/manage/jobs', as: 'olga' },
  { name: 'job', path: '/manage/job/community-3', as: 'ivo' },
  { name: 'job-ended', path: '/manage/job/community-1', as: 'olga' },
  { name: 'job-failed', path: '/manage/job/community-2', as: 'olga' },
  { name: 'job-waiting', path: '/manage/job/waiting-0', as: 'ivo' },
  { name: 'job-new', path: '/manage/jobs/new?from=community-1', as: 'ivo' },
  { name: 'queue', path: '/manage/queue', as: 'olga' },
  { name: 'home-jobs', path: '/', as: 'ivo' },
  { name: 'hosts', path: '/manage/hosts', as: 'olga' },
  { name: 'events', path: '/manage/events', as: 'olga' },
  { name: 'missing', path: '/manage/app/nobody', as: 'olga' },
  { name: 'refused', path: '/manage/hosts', as: 'nina' },
];
