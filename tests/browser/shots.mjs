// Takes a picture of every page, in light and in dark, at the width of a desk and of a phone, to be looked at.
//   node tests/browser/shots.mjs [--banyan PATH] [--modules FOLDER] FOLDER [PAGE …]
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { launch, logIn, told, watched } from "./browser.mjs";
import { Site } from "./site.mjs";

const { banyan, modules, rest } = told(process.argv.slice(2));
const [folder, ...wanted] = rest;
if (!folder) throw new Error("say into which folder");
await mkdir(folder, { recursive: true });

const WIDTHS = { desk: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

/** Every page: its address, or a page and the selector of the link on it that leads there. What is not there is left out. */
const PAGES = {
  login: "/login",
  board: "/",
  route: ["/", "a[href='/routes/orders-read']"],
  rollback: "/rollback?scope=orders-read",
  kill: "/kill",
  differences: "/differences",
  difference: ["/differences", "main a[href^='/differences/']"],
  comparison: [["/differences", "main a[href^='/differences/']"], "main a[href^='/comparisons/']"],
  changes: "/changes",
  change: ["/changes", "main a[href^='/changes/']"],
  plan: "/plan",
  health: "/health",
};

async function address(page, site, where) {
  if (typeof where === "string") return site.admin + where;
  const [from, selector] = where;
  const start = await address(page, site, from);
  if (!start) return null;
  await page.goto(start);
  const link = page.locator(selector).first();
  return (await link.count()) ? link.evaluate((link) => link.href) : null;
}

const site = await Site.start(banyan);
const browser = await launch(modules);
try {
  for (let round = 0; round < 3; round++) await site.traffic(200);
  await site.traffic(40, ["/slow-and-broken/{}"]);
  await site.api("/api/v1/rollback", { method: "POST", body: { route: "slow", reason: "errors since 14:05" } });
  const context = await browser.newContext();
  const page = await watched(context);
  await logIn(page, site);
  for (const [name, where] of Object.entries(PAGES)) {
    if (wanted.length && !wanted.includes(name)) continue;
    const url = await address(page, site, where);
    if (!url) { console.log(`${name}: not there`); continue; }
    for (const [width, viewport] of Object.entries(WIDTHS)) {
      for (const colorScheme of ["light", "dark"]) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        if (name === "login") await page.context().clearCookies();
        const answer = await page.goto(url);
        if (answer.status() === 404) { console.log(`${name}: not there`); continue; }
        const file = path.join(folder, `${name}-${width}-${colorScheme}.png`);
        await page.screenshot({ path: file, fullPage: true });
        const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        console.log(`${file}${beyond > 0 ? `  SCROLLS SIDEWAYS by ${beyond} px` : ""}`);
      }
    }
    if (name === "login") await logIn(page, site);
  }
  if (page.errors.length) console.log(`the browser reports:\n  ${page.errors.join("\n  ")}`);
} finally {
  await browser.close();
  await site.stop();
}
