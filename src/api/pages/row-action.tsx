/** A button in a row that ends what the row is about; `of` names that for who hears the button alone. */
export function RowAction({ action, label, of }: { action: string; label: string; of: string }) {
  return (
    <form method="post" action={action}>
      <button class="plain danger">
        {label}
        <span class="unseen"> {of}</span>
      </button>
    </form>
  );
}
