/** The page of a space's secrets. */
export const secretsPath = (space: string): string => `/manage/space/${space}/secrets`;
