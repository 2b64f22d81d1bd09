/** All items of a list that comes page by page. */
export async function* pages<Item>(
  list: (page: { after?: string }) => Promise<{ items: Item[]; next: string | null }>,
): AsyncGenerator<Item> {
  let after: string | null = null;
  do {
    const page: { items: Item[]; next: string | null } = await list(
      after === null ? {} : { after },
    );
    yield* page.items;
    after = page.next;
  } while (after !== null);
}
