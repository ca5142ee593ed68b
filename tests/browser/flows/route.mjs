// A newcomer asks a route's page: how does it stand, may it go on, where does a request go, and how is it undone.
export default async ({ page, site, logIn, until, check }) => {
  await site.traffic(200, ["/orders/{}"]);
  await logIn(page, site, "operator");
  await page.getByRole("link", { name: "orders-read", exact: true }).click();
  await page.getByRole("heading", { name: "May it go on to 50 %?" }).waitFor();
  await page.getByText("Not yet:").waitFor();
  // Comparisons come in by themselves.
  await page.getByText("Answers match: ").waitFor();
  check.equal(await page.locator("pre.command").first().textContent(), "banyan set orders-read canary.percent 50");

  // Another step: a choice is enough.
  await page.locator("select[name=to]").selectOption("75");
  await page.getByRole("heading", { name: "May it go on to 75 %?" }).waitFor();
  check.equal(await page.locator("pre.command").first().textContent(), "banyan set orders-read canary.percent 75");

  // A request typed in: new answers those in the percentage, and it says why.
  await page.fill("[name=url]", "/orders/7");
  await page.fill("[name=user]", "u-3");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByText("bucket of user with salt").waitFor();
  const side = await site.ask("/orders/7", { user: "u-3" });
  check.equal(await page.locator("#explain .verdict .pill").textContent(), side, "the page and the facade agree");

  // What is measured comes by itself, without a reload, and what is open stays open.
  await page.evaluate(() => { window.same = true; });
  await site.traffic(100, ["/orders/{}"]);
  await until("the plot has a line", async () => (await page.locator(".plot .line.legacy").count()) > 0);
  // The numbers below the pointer, and all of them in a table.
  await page.locator(".plot").first().scrollIntoViewIfNeeded();
  const box = await page.locator(".plot").first().boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  check.match(await page.locator(".chart .at-time").first().textContent(), /^\d\d:\d\d:\d\d$/);
  await page.mouse.move(5, 5);
  await until("they are gone", async () => (await page.locator(".at-time").count()) === 0);
  await page.locator(".numbers summary").first().click();
  await page.locator(".numbers[open] td").first().waitFor();
  check.ok(await page.evaluate(() => window.same));

  // Undone for one tenant, from the menu; then resumed where the pin stands.
  const menu = page.locator(".menu-box", { hasText: "Roll back one tenant here" });
  await page.getByText("More…").click();
  await menu.getByLabel("Roll back one tenant here").fill("acme");
  await menu.getByRole("button", { name: "Go on…" }).click();
  await page.getByRole("heading", { name: "Roll back orders-read tenant:acme" }).waitFor();
  await page.getByLabel("Why").fill("<img src=x onerror=alert(1)>");
  await page.getByRole("button", { name: "Roll back" }).click();
  await page.locator("#pins").getByText("orders-read tenant:acme").waitFor();
  await page.locator("#history").getByText("<img src=x onerror=alert(1)>").waitFor();
  check.equal(page.url(), `${site.admin}/routes/orders-read`);
  await page.locator("#pins").getByRole("link", { name: "Resume" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Resume" }).click();
  await page.getByText("None: the route does what its stage says.").waitFor();
};
