/**
 * What a backup leaves out of the data folder, each with the reason; `*` stands for one name. All the
 * rest is in it, so that a new kind of file needs no word here.
 */
export const leftOutFiles: Readonly<Record<string, string>> = {
  VERSION: 'written anew by the restore',
  'lost+found': 'belongs to the file system',
  postgres: 'its rows are in the archive, in a form that any PostgreSQL reads',
  'postgres.new': 'a database that was being made',
  'postgres.new.password': 'a database that was being made',
  'secrets/database-password': 'belongs to the database in postgres/; a new one gets its own',
  temporal: 'workflows begin new lives from the rows',
  run: 'process numbers, ports and logs of the processes of one machine',
  'hosts/*/apps': 'instances of one machine and their logs; they exist nowhere else',
};

const patterns = Object.keys(leftOutFiles).map((pattern) => pattern.split('/'));

/** Whether the file or folder at this path, relative to the data folder, is left out. */
export function isLeftOut(path: string): boolean {
  const names = path.split('/');
  return patterns.some(
    (pattern) =>
      pattern.length === names.length &&
      pattern.every((name, index) => name === '*' || name === names[index]),
  );
}
