/** A choice of a filter: any, or one of them. What was chosen stays to be seen, also when there is none of it. */
export function FilterChoice(props: {
  name: string;
  label: string;
  chosen: string | null;
  options: readonly { value: string; label: string }[];
}) {
  const { name, label, chosen, options } = props;
  const isThere = chosen === null || options.some(({ value }) => value === chosen);
  const all = isThere ? options : [{ value: chosen, label: chosen }, ...options];
  return (
    <label>
      {label}
      <select name={name}>
        <option value="">Any</option>
        {all.map((option) => (
          <option value={option.value} selected={option.value === chosen}>
            {option.label}
          </option>
        ))}
      </select>
    </label>
  );
}
