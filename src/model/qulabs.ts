/** Facts of the QuLabs family that gateway and API share; contracts/qulabs.md. */
export const qulabsFamily = 'qulabs';

/** Where the family lives on the console, and in the API whichever listener was asked. */
export const qulabsPath = '/compat/qulabs';

/** Tells the API that the family's own listener was asked; visitors cannot claim it. */
export const qulabsListenerHeader = 'x-labkeeper-listener';

/** First words of the family's own paths: no app has them for an id. */
const ownWords: ReadonlySet<string> = new Set([
  'app',
  'apps',
  'lab',
  'labs',
  'loading',
  'status',
  'register_app',
  'register_lab',
  'documentation',
  'health-check',
  'compat',
  'api',
]);

export const isOwnWord = (word: string): boolean => ownWords.has(word);

/** Ids are 24 hex digits in old labs; others are taken as long as they fit in a path and a name. */
export const isQulabsId = (id: string): boolean =>
  /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(id) && !ownWords.has(id);
