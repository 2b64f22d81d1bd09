/** Names of apps, each with its page. */
export function Apps({ names }: { names: readonly string[] }) {
  return (
    <>
      {names.map((name, at) => (
        <>
          {at > 0 && ', '}
          <a href={`/manage/app/${name}`}>{name}</a>
        </>
      ))}
    </>
  );
}
