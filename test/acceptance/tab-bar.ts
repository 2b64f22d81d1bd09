import type { Locator, Page } from 'playwright-core';

/**
 * The bar that labkeeper puts into an open tab of an app. It hides from the app in a closed shadow
 * root, so call this before the page is loaded: from then on its shadows are open to the test.
 */
export async function watchTabBar(page: Page): Promise<Locator> {
  await page.addInitScript(`{
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (init) {
      return attach.call(this, { ...init, mode: 'open' });
    };
  }`);
  return page.locator('labkeeper-bar');
}
