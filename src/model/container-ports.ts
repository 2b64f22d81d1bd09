/**
 * The container ports to try, best first. Where the definition leaves a choice, what the image
 * EXPOSEs decides: one of the named ones, else its only port; else all of them, and the first that
 * answers is the one.
 */
export function portsToTry(
  spec: { port: number; alternativePorts: readonly number[] },
  exposed: readonly number[],
): number[] {
  const named = [spec.port, ...spec.alternativePorts];
  if (named.length === 1) return named;
  const both = named.find((port) => exposed.includes(port));
  if (both !== undefined) return [both];
  const [only, ...others] = exposed;
  if (only !== undefined && others.length === 0) return [only];
  return [...new Set(named)];
}
