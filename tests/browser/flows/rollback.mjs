// A route is rolled back from the board, and its traffic moves; then it is resumed.
export default async ({ page, site, logIn, check }) => {
  check.ok((await site.traffic(100, ["/orders/{}"])) > 5, "a quarter goes to new");
  await logIn(page, site, "operator");
  const row = page.locator("tr", { has: page.getByRole("link", { name: "orders-read", exact: true }) });
  await row.getByRole("link", { name: "Roll back" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("All requests to orders-read are answered by legacy, at once.").waitFor();
  await dialog.getByLabel("Why").fill("totals <b>differ</b>");
  await dialog.getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("status").getByText("orders-read").waitFor();
  check.equal(page.url(), `${site.admin}/`);
  check.equal(await site.traffic(100, ["/orders/{}"]), 0, "all of it is answered by legacy");
  const [pin] = (await (await site.api("/api/v1/status")).json()).pins;
  check.deepEqual([pin.scope, pin.by, pin.why], ["orders-read", "api ona", "totals <b>differ</b>"]);

  await row.getByRole("link", { name: "Resume" }).click();
  await dialog.getByText("totals <b>differ</b>").waitFor();
  await dialog.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("status").first().waitFor();
  check.ok((await site.traffic(100, ["/orders/{}"])) > 5, "a quarter goes to new again");

  // Without a script, the question is a page.
  await page.goto(`${site.admin}/rollback?scope=group:orders&back=/`);
  await page.getByText("All requests to the 2 routes of group orders").waitFor();
  await page.getByLabel("Why").fill("both");
  await page.getByRole("button", { name: "Roll back" }).click();
  await page.getByRole("status").getByText("Done").waitFor();
  check.equal(await site.traffic(50, ["/orders/{}"]), 0);
};
