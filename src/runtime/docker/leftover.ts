import { labels } from '../../model/instance-labels.ts';
import { repositoryOf } from './image.ts';
import { callOr, refused, statusOf, type Engine } from './engine.ts';

const graceSeconds = 10;
/** Ids of that form are nobody's idea of a name for something else. */
const objectId = /^[0-9a-f]{24}$/i;

/**
 * Makes room for an app that an earlier system ran under its own id. A container that only happens
 * to have the name is left alone: it must be made from the same repository, unless the name is
 * an id that nobody would choose; ours and protected ones never count.
 */
export async function removeLeftoverContainer(
  engine: Engine,
  name: string,
  image: string,
): Promise<boolean> {
  const attempt = `remove the container ${name} of an earlier system`;
  const container = engine.docker.getContainer(name);
  const info = await callOr(engine, attempt, null, (abortSignal) =>
    container.inspect({ abortSignal }),
  );
  if (info === null || info.Name !== `/${name}`) return false;
  const own = Object.keys(info.Config.Labels ?? {});
  if (own.some((label) => Object.values<string>(labels).includes(label))) return false;
  if (repositoryOf(info.Config.Image) !== repositoryOf(image) && !objectId.test(name)) return false;
  try {
    await callOr(engine, attempt, null, (abortSignal) =>
      container.stop({ t: graceSeconds, abortSignal }),
    );
  } catch (error) {
    if (statusOf(error) !== 304) throw refused(attempt, error);
  }
  try {
    // Its volumes stay: they may hold somebody's work.
    await callOr(engine, attempt, null, (abortSignal) =>
      container.remove({ force: true, abortSignal }),
    );
  } catch (error) {
    if (statusOf(error) !== 409) throw refused(attempt, error);
  }
  return true;
}
