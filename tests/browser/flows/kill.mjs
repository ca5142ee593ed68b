// The kill switch says what it will do, does it, is seen everywhere, and is lifted again. Who only reads cannot do it.
export default async ({ page, site, context, watched, logIn, check }) => {
  check.ok((await site.traffic(30, ["/catalog/{}"])) === 30);
  await logIn(page, site, "operator");
  await page.getByRole("link", { name: "Kill switch" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Everything goes to legacy at once: 4 of 7 routes").waitFor();
  await dialog.getByText("1 route stays with new").waitFor();
  await dialog.getByText("accounts").waitFor();
  await page.keyboard.press("Escape");
  check.equal((await (await site.api("/api/v1/status")).json()).killed, false);

  await page.getByRole("link", { name: "Kill switch" }).click();
  await dialog.getByLabel("Why").fill("smoke");
  await dialog.getByRole("button", { name: "Send everything to legacy" }).click();
  await page.getByText("The kill switch is on.").waitFor();
  check.equal(await site.traffic(30, ["/catalog/{}", "/orders/{}"]), 0);
  check.equal(await site.traffic(10, ["/accounts/{}"]), 10, "it has no legacy to go back to");

  const viewer = await watched(await context.browser().newContext());
  await logIn(viewer, site, "viewer");
  await viewer.getByText("The kill switch is on.").waitFor();
  await viewer.getByRole("link", { name: "Resume traffic" }).click();
  const button = viewer.getByRole("dialog").getByRole("button", { name: "Resume" });
  await button.waitFor();
  check.ok(await button.isDisabled(), "a viewer may not");
  check.deepEqual(viewer.errors, []);

  await page.getByRole("link", { name: "Resume traffic" }).click();
  await dialog.getByText("smoke").waitFor();
  await dialog.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("link", { name: "Kill switch" }).waitFor();
  check.equal(await site.traffic(30, ["/catalog/{}"]), 30);
};
