// The board is sorted and filtered, the address says how, and what is shown stays where it is while its numbers change.
export default async ({ page, site, context, watched, logIn, until, check }) => {
  await site.traffic(20);
  await logIn(page, site, "viewer");
  const names = (of = page) => of.$$eval("tr[data-row] th a:first-child", (links) => links.map((link) => link.textContent));
  const shown = (wanted) => until(`the rows are ${wanted}`, async () => String(await names()) === String(wanted));
  check.deepEqual(await names(), ["orders-read", "orders-write", "catalog", "cart", "search", "accounts", "slow"]);

  // As one types.
  await page.keyboard.press("/");
  await page.keyboard.type("group:orders", { delay: 5 });
  await shown(["orders-read", "orders-write"]);
  await until("the address says so", () => page.url() === `${site.admin}/?q=group%3Aorders`);
  await page.getByRole("link", { name: "Roll back the group" }).waitFor();
  await page.fill("[name=q]", "team-orders rate<0.05");
  await shown(["orders-write", "slow"]);
  await page.fill("[name=q]", "colour:red");
  await page.getByText("is no filter").waitFor();
  await page.fill("[name=q]", "nothing-like-it");
  await page.getByText("No route is like that.").waitFor();
  await page.fill("[name=q]", "");
  await page.selectOption("[name=stage]", "canary");
  await shown(["orders-read", "orders-write", "slow"]);

  // Sorted by a column, and back by the browser's own button.
  await page.locator(".board thead").getByRole("link", { name: "Route" }).click();
  await page.locator(".board thead").getByRole("link", { name: "Route" }).click();
  await shown(["slow", "orders-write", "orders-read"]);
  check.equal(await page.getAttribute(".board thead th:first-child", "aria-sort"), "descending");
  await page.goBack();
  await shown(["orders-read", "orders-write", "slow"]);

  // The address alone brings it back, with a script and without.
  const address = `${site.admin}/?stage=canary&sort=-route`;
  const cookies = await context.cookies();
  const plain = await context.browser().newContext({ javaScriptEnabled: false });
  await plain.addCookies(cookies);
  for (const other of [await watched(context), await watched(plain)]) {
    await other.goto(address);
    check.deepEqual(await names(other), ["slow", "orders-write", "orders-read"]);
    check.equal(await other.inputValue("[name=stage]"), "canary");
    await other.fill("[name=q]", "write");
    if (other.context() === plain) await other.click("button:has-text('Apply')");
    await other.locator("tr[data-row]").nth(1).waitFor({ state: "detached" });
    check.deepEqual(await names(other), ["orders-write"]);
    check.deepEqual(other.errors, []);
    await other.close();
  }

  // Numbers change in place; the rows stay where they are though their order by rate is another one now.
  await page.goto(`${site.admin}/?sort=-rate`);
  const before = await names();
  const top = await page.locator("tr[data-row]").first().boundingBox();
  await site.traffic(60, ["/slow-and-broken/{}"]);
  const slow = page.locator("tr[data-row]", { hasText: "slow" });
  await slow.locator(".errors", { hasText: "+100.0 pp" }).waitFor();
  check.deepEqual(await names(), before);
  check.deepEqual(await page.locator("tr[data-row]").first().boundingBox(), top);

  // What somebody else does is seen at once, all over the page.
  await site.api("/api/v1/rollback", { method: "POST", token: site.tokens.operator, body: { route: "catalog" } });
  await page.locator("tr[data-row]", { hasText: "catalog" }).getByText("pinned").waitFor();
  await page.getByText("generation 2").waitFor();
  await site.api("/api/v1/kill", { method: "POST", token: site.tokens.operator, body: {} });
  await page.getByText("The kill switch is on.").waitFor();

  // At the width of a phone nothing is beyond the screen, and a rollback is at hand.
  await page.setViewportSize({ width: 390, height: 844 });
  check.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
};
