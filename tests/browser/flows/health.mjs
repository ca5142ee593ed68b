// What is wrong stands first, with its place in the file; when it is mended, the page says so by itself.
import { writeFile } from "node:fs/promises";
import path from "node:path";

export default async ({ page, site, logIn, check }) => {
  await site.traffic(5);
  await logIn(page, site, "viewer");
  await page.getByRole("link", { name: "Health" }).click();
  await page.getByText("Nothing is wrong").waitFor();
  const file = path.join(site.folder, "routes.yaml");
  await writeFile(file, site.yaml.replace("stage: live", "stage: alive"));
  await page.getByText("The last change of the files was refused").first().waitFor();
  const finding = page.locator(".finding").first();
  check.ok((await finding.locator("code").first().textContent()).startsWith("routes.yaml:"));
  check.ok((await finding.locator("pre").textContent()).includes("stage: alive"));
  await writeFile(file, site.yaml);
  await page.getByText("Nothing is wrong").waitFor();

  // How much has migrated leads on from the board.
  await page.goto(site.admin);
  await page.locator("a.burnup").first().click();
  await page.getByRole("heading", { name: "Migrated over time" }).waitFor();
  await page.getByText("Live and complete routes count whole").waitFor();
};
