// A bad plan shows its errors in place, a good one whom it would move; nothing is applied.
export default async ({ page, site, logIn, until, check }) => {
  await site.traffic(100, ["/orders/{}"]);
  await logIn(page, site, "owner");
  await page.goto(`${site.admin}/plan?from=live`);
  const live = await page.inputValue("#config");
  check.ok(live.includes("name: orders-read"), live);
  const lines = live.split("\n");
  const wrong = lines.findIndex((line) => line.includes("percent: 25"));

  await page.fill("#config", live.replace("percent: 25", "percnt: 25"));
  await page.getByRole("button", { name: "Check it" }).click();
  await page.getByText("A reload would refuse it").waitFor();
  const finding = page.locator(".finding").first();
  check.match(await finding.innerText(), /unknown-key/);
  check.match(await finding.locator(".wrong").innerText(), /percnt: 25/);
  check.match(await finding.innerText(), /did you mean `percent`/);
  await finding.locator("a.place").click();
  const chosen = await page.$eval("#config", (field) => field.value.slice(field.selectionStart, field.selectionEnd));
  check.equal(chosen, lines[wrong].replace("percent", "percnt"));

  // From a file; the sample of requests is taken once a second.
  const better = live.replace("percent: 25", "percent: 75");
  await page.setInputFiles("input[type=file]", { name: "routes.yaml", mimeType: "text/yaml", buffer: Buffer.from(better) });
  await until("the file is read", async () => (await page.inputValue("#config")) === better);
  await until("requests are at hand", async () => {
    await page.getByRole("button", { name: "Check it" }).click();
    await page.getByText("It is valid.").waitFor();
    return page.locator("th:has-text('orders-read')").count();
  });
  check.match(await page.locator(".flash").innerText(), /change sides/);
  check.match(await page.locator("main").innerText(), /25 % by user → 75 % by user/);
  check.match(await page.locator("main").innerText(), /How to apply it/);
  check.equal((await (await site.api("/api/v1/status")).json()).generation, 1, "nothing was applied");
};
