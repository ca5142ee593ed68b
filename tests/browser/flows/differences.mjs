// A difference is found, looked at, accepted and reopened; whatever strangers put into it does nothing.
import { hostile } from "../site.mjs";

export default async ({ page, site, logIn, until, check }) => {
  await site.traffic(200, ["/orders/{}"]);
  await logIn(page, site, "owner");
  await until("both differences are recorded", async () => {
    await page.goto(`${site.admin}/differences`);
    return (await page.getByRole("link", { name: "$.total", exact: true }).count()) && (await page.getByRole("link", { name: "$.note", exact: true }).count());
  });

  // Narrowed down by the keyboard, with the address saying so.
  await page.keyboard.press("/");
  await page.keyboard.type("$.tot");
  await page.keyboard.press("Enter");
  await page.waitForURL(/[?&]q=%24\.tot/);
  check.equal(await page.locator(".data tbody tr").count(), 1);
  await page.getByRole("link", { name: "Clear" }).click();
  await page.getByRole("link", { name: "Count" }).click();
  await page.waitForURL(/[?&]sort=count/);

  // One of them, one comparison of it, and the next.
  await page.getByRole("link", { name: "$.total", exact: true }).click();
  await page.getByRole("heading", { name: "$.total has another value in new" }).waitFor();
  const one = page.url();
  await page.locator("#samples tbody tr").first().getByRole("link").click();
  await page.getByText("read as json on both sides").waitFor();
  const first = page.url();
  check.match(await page.locator(".sides .counts.is-this").innerText(), /12\.5[\s\S]*12\.4/);
  check.equal(await page.locator(".sides details[open]").count(), 0, "what is equal is folded");
  await page.locator(".sides details.fold summary").last().click();
  await page.locator(".sides details[open] .same").first().waitFor();
  check.match(await page.inputValue("#curl-new"), /^curl .*http:\/\/127\.0\.0\.1:\d+\/orders\/\d+$/);
  await page.getByRole("button", { name: "Copy" }).first().waitFor();
  await page.keyboard.press("n");
  await until("the next one is shown", () => page.url() !== first && page.url().includes("/comparisons/"));

  // Accepted, with a reason; then reopened.
  await page.goto(one);
  await page.fill("form[action='/act/accept'] [name=reason]", "rounded down, as agreed <b>");
  await page.selectOption("[name=until]", "7d");
  await page.getByRole("button", { name: "Accept", exact: true }).click();
  await page.getByText("The difference is accepted until").waitFor();
  await page.getByText("rounded down, as agreed <b>").first().waitFor();
  await page.goto(`${site.admin}/differences?state=accepted`);
  await page.getByRole("link", { name: "$.total", exact: true }).waitFor();
  const told = await (await site.api("/api/v1/diffs")).json();
  check.equal(told.accepted, 1);
  await page.goto(one);
  await page.fill("form[action='/act/reopen'] [name=reason]", "not agreed after all");
  await page.getByRole("button", { name: "Reopen it" }).click();
  await page.getByText("The difference is reopened").waitFor();

  // A viewer sees why not.
  await page.context().clearCookies();
  await logIn(page, site, "viewer");
  await page.goto(one);
  check.equal(await page.getByRole("button", { name: "Accept", exact: true }).isDisabled(), true);
  const refused = await site.api("/act/accept", { token: site.tokens.viewer, method: "POST" });
  check.equal(refused.status, 403);

  // What strangers sent is text, on every page that shows it, at any width.
  await page.goto(`${site.admin}/differences?state=all`);
  await page.getByRole("link", { name: "$.note", exact: true }).click();
  await page.locator("#samples tbody tr").first().getByRole("link").click();
  await page.getByText("read as json on both sides").waitFor();
  const text = await page.locator(".sides").innerText();
  check.ok(text.includes("<script>window.hacked=1</script><img src=x onerror=") && text.includes("\\u{202e}") && !/[\u001b\u202e]/.test(text), text);
  check.ok(!hostile.includes("\\u{202e}"));
  check.equal(await page.evaluate(() => window.hacked), undefined);
  check.equal(await page.locator("main script, main img").count(), 0);
  for (const width of [1440, 390]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    check.ok(over <= 0, `${over} px too wide at ${width}`);
  }
};
