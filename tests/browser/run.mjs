// Runs every flow in tests/browser/flows (or those that are named), each with a facade and a browser profile of its own.
//   node tests/browser/run.mjs [--banyan PATH] [--modules FOLDER] [FLOW …]
// A flow is a file with `export default async ({ page, site, context, watched, logIn, check, until }) => …`, and, if it wants another
// configuration, `export const site = { routes: "…" }`. It fails by throwing, or by any error that the browser reports.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { launch, logIn, told, watched } from "./browser.mjs";
import { Site, until } from "./site.mjs";

const here = path.dirname(new URL(import.meta.url).pathname);
const { banyan, modules, rest } = told(process.argv.slice(2));
const there = (await readdir(path.join(here, "flows"))).filter((file) => file.endsWith(".mjs")).map((file) => file.slice(0, -4));
const unknown = rest.filter((name) => !there.includes(name));
if (unknown.length) throw new Error(`there is no flow ${unknown.join(", ")}; there are ${there.join(", ")}`);

const browser = await launch(modules);
let failed = 0;
for (const name of (rest.length ? rest : there).sort()) {
  const flow = await import(path.join(here, "flows", `${name}.mjs`));
  const began = Date.now();
  let site, page;
  try {
    site = await Site.start(banyan, flow.site);
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    page = await watched(context);
    await flow.default({ page, site, context, watched, logIn, until, check: assert });
    assert.deepEqual(page.errors, [], "the browser reports errors");
    await context.close();
    console.log(`ok      ${name} (${Date.now() - began} ms)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name} (${Date.now() - began} ms) at ${page?.url()}\n${error.stack ?? error}`);
    if (page?.errors.length) console.log(`browser:\n  ${page.errors.join("\n  ")}`);
    if (site?.log) console.log(`facade:\n  ${site.log.slice(-15).join("\n  ")}`);
  } finally {
    await site?.stop();
  }
}
await browser.close();
process.exit(failed ? 1 : 0);
