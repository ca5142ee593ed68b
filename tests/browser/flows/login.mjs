// Who shows a token is let in and out again; nobody else sees or changes anything.
import { once } from "node:events";
import http from "node:http";

export default async ({ page, site, logIn, check }) => {
  await page.goto(`${site.admin}/rollback?scope=orders-read`);
  check.equal(page.url(), `${site.admin}/login?next=%2Frollback%3Fscope%3Dorders-read`);
  await page.goto(`${site.admin}/login`);
  await page.fill("input[name=token]", "nobody's");
  await page.click("button:has-text('Log in')");
  await page.getByText("this token is not known here").waitFor();
  page.forgive(/403/);

  await logIn(page, site, "owner");
  await page.getByRole("heading", { name: "Board" }).waitFor();
  const [cookie] = await page.context().cookies();
  check.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite, cookie.path], ["banyan_session", true, "Strict", "/"]);

  // A link of another site leads to the page, though the cookie does not come with it at first.
  const elsewhere = http.createServer((request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.end(`<a href="${site.admin}/?q=orders">look</a><img src="${site.admin}/assets/icon.svg" alt="">`);
  }).listen(0, "127.0.0.1");
  await once(elsewhere, "listening");
  await page.goto(`http://localhost:${elsewhere.address().port}/`);
  page.forgive(/icon.svg|favicon/);
  await page.getByText("look").click();
  await page.getByRole("link", { name: "orders-read", exact: true }).waitFor();
  check.equal(page.url(), `${site.admin}/?q=orders`);
  elsewhere.close();

  // What changes something needs more than the cookie, and nothing at all is taken from elsewhere.
  const shown = { Cookie: `${cookie.name}=${cookie.value}` };
  const form = { "Content-Type": "application/x-www-form-urlencoded" };
  const post = (headers, body = "") => fetch(`${site.admin}/act/kill`, { method: "POST", headers, body, redirect: "manual" });
  check.equal((await post(form)).status, 401, "no cookie");
  check.equal((await post({ ...form, ...shown })).status, 403, "no token of the form");
  check.equal((await post({ ...form, ...shown }, "csrf=wrong")).status, 403, "another token of a form");
  const csrf = await page.getAttribute("body", "data-csrf");
  check.equal((await post({ ...form, ...shown, Origin: "http://evil.example" }, `csrf=${csrf}`)).status, 403, "another origin");
  const api = (headers) => fetch(`${site.admin}/api/v1/kill`, { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: "{}" });
  check.equal((await api(shown)).status, 403, "the API takes no bare cookie");
  check.equal((await (await site.api("/api/v1/status")).json()).killed, false);

  await page.click("details.account summary");
  await page.click("button:has-text('Log out')");
  await page.waitForURL(`${site.admin}/login`);
  await page.goto(`${site.admin}/`);
  await page.waitForURL(`${site.admin}/login`);
  check.equal((await fetch(`${site.admin}/`, { headers: shown, redirect: "manual" })).status, 303, "the session has ended");
};
