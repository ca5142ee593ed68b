// Debian's Chromium, driven by playwright-core, and what must hold of every page in it.
import { createRequire } from "node:module";
import path from "node:path";
import { PATIENCE } from "./site.mjs";

const SWITCHES = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** The arguments: `--banyan PATH`, `--modules FOLDER` (where setup.sh was told to install), and what is left. */
export function told(argv) {
  const told = { banyan: "target/debug/banyan", modules: "target/browser", rest: [] };
  for (let place = 0; place < argv.length; place++) {
    const name = argv[place].replace(/^--/, "");
    if (argv[place].startsWith("--") && name in told) told[name] = argv[++place];
    else told.rest.push(argv[place]);
  }
  told.banyan = path.resolve(told.banyan);
  return told;
}

export async function launch(modules) {
  const require = createRequire(path.resolve(modules, "package.json"));
  let chromium;
  try {
    ({ chromium } = require("playwright-core"));
  } catch {
    throw new Error(`playwright-core is not in ${modules}: run tests/browser/setup.sh ${modules}`);
  }
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: SWITCHES });
}

/** A page whose every error is kept in `page.errors`: a flow with one has failed. What is expected is taken out by `page.forgive`. */
export async function watched(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.errors = [];
  const error = (text) => page.errors.push(text);
  page.on("console", (message) => message.type() === "error" && error(`console: ${message.text()} (${message.location().url})`));
  page.on("pageerror", (thrown) => error(`script: ${thrown.message}`));
  page.on("dialog", (dialog) => { error(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("requestfailed", (request) => {
    // What the browser gives up itself as a page is left is no error.
    const why = request.failure()?.errorText ?? "";
    if (!why.includes("ERR_ABORTED")) error(`request: ${request.url()} ${why}`);
  });
  page.forgive = (pattern) => { page.errors = page.errors.filter((text) => !pattern.test(text)); };
  return page;
}

/** Logs in as the holder of this role's token; the board is shown. */
export async function logIn(page, site, role = "owner") {
  await page.goto(`${site.admin}/login`);
  await page.fill("input[name=token]", site.tokens[role]);
  await page.click("button:has-text('Log in')");
  await page.waitForURL(`${site.admin}/`);
}
