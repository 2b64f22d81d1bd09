/** `{port}` and `{base}` in each argument become what the instance was given. */
export function substitute(
  command: readonly string[],
  values: { port: number; basePath: string },
): string[] {
  return command.map((argument) =>
    argument.replaceAll('{port}', String(values.port)).replaceAll('{base}', values.basePath),
  );
}
