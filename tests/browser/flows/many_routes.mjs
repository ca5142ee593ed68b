// Five thousand routes: the board is painted at once and stays smooth. What was measured is printed; only sizes are judged.
const stages = ["legacy", "shadow", "canary", "live"];
const route = (number) => `  - { name: route-${number}, owner: team-${number % 40}, group: group-${number >> 2}, match: { path: "/p${number}/{id}" },` +
  ` new: new, stage: ${stages[(number >> 2) % 4]}${(number >> 2) % 4 === 2 ? ", canary: { percent: 10, by: user }" : ""} }`;
export const site = {
  routes: `subject: { user: [{ header: X-User }] }\nroutes:\n${Array.from({ length: 5000 }, (_, number) => route(number)).join("\n")}\n`,
};

export default async ({ page, site, logIn, until, check }) => {
  await site.traffic(1, Array.from({ length: 200 }, (_, number) => `/p${number}/1`));
  await logIn(page, site, "viewer");
  const answer = await page.goto(`${site.admin}/?sort=-rate`);
  check.ok((await answer.body()).length < 500_000);
  const painted = await until("the first paint", () => page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime));
  const began = Date.now();
  await page.fill("[name=q]", "group:group-7");
  await until("four rows are left", async () => (await page.locator("tr[data-row]").count()) === 4);
  const filtered = Date.now() - began;
  await page.fill("[name=q]", "");
  await until("the first page is back", async () => (await page.locator("tr[data-row]").count()) === 100);
  const nodes = await page.evaluate(() => document.getElementsByTagName("*").length);
  check.ok(nodes < 6000, `${nodes} elements`);
  console.log(`        first paint ${Math.round(painted)} ms, filtered in ${filtered} ms (250 ms of it waiting for the next key), ${nodes} elements`);
};
