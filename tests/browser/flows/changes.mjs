// Who flipped what, and how it is undone: a rollback is resumed, an earlier configuration is put back, and the files count again.
import { writeFile } from "node:fs/promises";
import path from "node:path";

export default async ({ page, site, logIn, until, check }) => {
  await site.api("/api/v1/rollback", { method: "POST", token: site.tokens.operator, body: { group: "orders", reason: "errors since 14:05" } });
  await logIn(page, site, "operator");
  await page.goto(`${site.admin}/changes`);
  const first = page.locator(".timeline .entry").first();
  check.match(await first.innerText(), /group:orders was rolled back to legacy by ona[\s\S]*errors since 14:05/);
  await first.getByRole("link", { name: "Resume group:orders" }).click();
  await page.locator("dialog [name=reason]").fill("fixed");
  await page.locator("dialog").getByRole("button", { name: "Resume" }).click();
  await page.locator(".flash.good").waitFor();
  check.match(await page.locator(".timeline .entry").nth(1).innerText(), /resumed since/);

  // Narrowed down.
  await page.fill("[name=on]", "orders-read");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.waitForURL(/on=orders-read/);
  check.equal(await page.locator(".timeline .entry").count(), 2, "of the route's group");
  await page.goto(`${site.admin}/changes?who=nobody`);
  await page.getByText("Nothing was done that passes the filter").waitFor();

  // Another configuration, as a diff; the one before is put back.
  await writeFile(path.join(site.folder, "routes.yaml"), site.yaml.replace("percent: 25", "percent: 60"));
  const status = async () => (await site.api("/api/v1/status")).json();
  const now = await until("it is live", async () => { const told = await status(); return told.generation === 4 && told; });
  await page.goto(`${site.admin}/changes/${now.generation}`);
  check.match(await page.locator(".lines .plus").first().innerText(), /percent: 60/);
  await page.getByRole("link", { name: "Put generation 3 back" }).click();
  await page.locator("dialog").getByText("60 % by user → 25 % by user").waitFor();
  await page.locator("dialog [name=reason]").fill("too fast");
  await page.locator("dialog").getByRole("button", { name: "Put it back" }).click();
  await page.getByText("Generation 3 is held.").waitFor();
  check.equal((await status()).held, 3);
  await page.goto(`${site.admin}/changes`);
  await page.locator(".in-force").getByRole("link", { name: "Let the files count again" }).click();
  await page.locator("dialog").getByRole("button", { name: "Load the files" }).click();
  await page.getByText("The files count again, as generation").waitFor();
  check.equal((await status()).held, null);
};
