import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** What stands in the way of somebody on this page, as axe finds it: rule, place and remedy. */
export async function barriersOn(page: Page): Promise<string[]> {
  // By the debugger, which the content security policy does not bind.
  await page.evaluate(axe.source);
  const found: { id: string; nodes: { target: unknown; failureSummary?: string }[] }[] =
    await page.evaluate(
      "axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)",
    );
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${String(target)}: ${failureSummary ?? ''}`),
  );
}
