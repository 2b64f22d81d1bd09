import type { Preset } from '../model/presets.ts';

/** What one GET of a path below the instance's root gave, or why nothing did. */
export type Look = (path: string) => Promise<{ status: number; body: string } | string>;

export type Health =
  | { outcome: 'healthy'; prefixMode: Preset['prefixMode'] }
  | { outcome: 'not yet'; lastAnswer: string };

/**
 * One round of looks at an instance. With `detect` it is healthy below its base (the prefix is kept)
 * or only at its root (it is stripped). One that answers at both places, and not as its preset has
 * it, is of another family: any page of its own counts.
 */
export async function lookForHealth(
  look: Look,
  expected: Pick<Preset, 'healthPath' | 'healthBody' | 'healthStatus' | 'whenMissing'> & {
    mode: Preset['prefixMode'] | 'detect';
    /** Where the app believes to be, without final slash. */
    base: string;
  },
): Promise<Health> {
  const { healthPath, healthBody, whenMissing, mode, base } = expected;
  const places: Place[] = [];
  if (mode !== 'strip') places.push({ prefixMode: 'keep', path: `${base}${healthPath}` });
  if (mode !== 'keep') places.push({ prefixMode: 'strip', path: healthPath });
  const seen = await lookAt(look, places);
  if (mode === 'detect' && healthBody === undefined) return choosePlace(seen);
  const healthy = seen.find(({ answer }) => isHealthy(answer, expected));
  if (healthy) return { outcome: 'healthy', prefixMode: healthy.prefixMode };
  const answersOtherwise = seen.every(({ answer }) => isPage(answer));
  if (mode !== 'detect' || !answersOtherwise) {
    return { outcome: 'not yet', lastAnswer: said(seen, whenMissing) };
  }
  return choosePlace(
    await lookAt(look, [
      { prefixMode: 'keep', path: `${base}/` },
      { prefixMode: 'strip', path: '/' },
    ]),
  );
}

type Place = { prefixMode: Preset['prefixMode']; path: string };
type Seen = Place & { answer: Awaited<ReturnType<Look>> };

async function lookAt(look: Look, places: readonly Place[]): Promise<Seen[]> {
  const seen: Seen[] = [];
  for (const place of places) {
    const answer = await look(place.path);
    seen.push({ ...place, answer });
    // Nobody listens: the other path would say the same.
    if (typeof answer === 'string') break;
  }
  return seen;
}

/** A page that is there beats one that is missing; where both are missing the prefix is kept. */
function choosePlace(seen: readonly Seen[]): Health {
  const found =
    seen.find(({ answer }) => typeof answer !== 'string' && answer.status < 400) ??
    seen.find(({ answer }) => isPage(answer));
  if (found) return { outcome: 'healthy', prefixMode: found.prefixMode };
  return { outcome: 'not yet', lastAnswer: said(seen) };
}

const isPage = (answer: Seen['answer']): boolean =>
  typeof answer !== 'string' && answer.status < 500;

function isHealthy(
  answer: Seen['answer'],
  { healthBody, healthStatus }: Pick<Preset, 'healthBody' | 'healthStatus'>,
): boolean {
  if (typeof answer === 'string') return false;
  if (healthBody !== undefined) return answer.status === 200 && answer.body.trim() === healthBody;
  return healthStatus === undefined ? answer.status < 500 : answer.status === healthStatus;
}

function said(seen: readonly Seen[], whenMissing?: string): string {
  return seen
    .map(({ path, answer }) => {
      if (typeof answer === 'string') return `${path}: ${answer}`;
      const remedy = answer.status === 404 && whenMissing !== undefined ? ` (${whenMissing})` : '';
      return `${path} answered ${answer.status}${remedy}`;
    })
    .join(', ');
}
