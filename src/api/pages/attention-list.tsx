import { randomUUID } from 'node:crypto';
import type { Concern, Mend } from './attention.ts';

/** What needs attention, each with why and the buttons that mend it. */
export function AttentionList({ concerns }: { concerns: readonly Concern[] }) {
  const isCalm = concerns.length === 0;
  return (
    <section
      id="attention"
      class={isCalm ? 'panel' : 'panel attention'}
      aria-labelledby="attention-heading"
    >
      <h2 id="attention-heading">Needs attention{!isCalm && ` (${concerns.length})`}</h2>
      {isCalm ? <p class="soft">Nothing.</p> : <ul class="list">{concerns.map(item)}</ul>}
    </section>
  );
}

function item({ subject, href, sentence, remedy, mends }: Concern) {
  return (
    <li class="concern">
      <div>
        {href === null ? <strong>{subject}</strong> : <a href={href}>{subject}</a>}: {sentence}
        {remedy !== '' && <div class="soft small">{remedy}</div>}
      </div>
      {mends.length > 0 && (
        <div class="actions">
          {mends.map((mend) => (
            <MendButton mend={mend} subject={subject} />
          ))}
        </div>
      )}
    </li>
  );
}

/** Says to those who cannot see the list what it is that is mended. */
function MendButton({ mend, subject }: { mend: Mend; subject: string }) {
  const about = <span class="unseen"> ({subject})</span>;
  if (mend.method === 'get') {
    return (
      <a class="button" href={mend.action}>
        {mend.label}
        {about}
      </a>
    );
  }
  return (
    <form method="post" action={mend.action}>
      <input type="hidden" name="key" value={randomUUID()} />
      <input type="hidden" name="back" value="manage" />
      <button>
        {mend.label}
        {about}
      </button>
    </form>
  );
}
