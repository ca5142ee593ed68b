// A facade with two small systems behind it, each on a port of its own that the system chose.
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

/** How long anything may take, in milliseconds. */
export const PATIENCE = 20_000;

/** Waits until `found` finds something. */
export async function until(what, found) {
  const end = Date.now() + PATIENCE;
  for (;;) {
    const value = await found();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${PATIENCE / 1000} s: ${what}`);
    await new Promise((next) => setTimeout(next, 50));
  }
}

/** What the two systems answer: they differ in known ways. `hostile` is what a stranger might put into a body. */
export const hostile = "<script>window.hacked=1</script><img src=x onerror=\"window.hacked=1\">\u001b[31mred\u202e=cmd()|javascript:alert(1)";

function answer(side, request, response) {
  const url = new URL(request.url, "http://localhost");
  const id = url.pathname.split("/").pop();
  const wait = side === "new" ? 2 : 6;
  setTimeout(() => {
    if (url.pathname.startsWith("/slow-and-broken") && side === "new") {
      response.writeHead(500, { "Content-Type": "application/json" });
      return response.end('{"error":"out of stock"}');
    }
    const body = { id, side: "shop", total: 12.5, items: [{ sku: "a", count: 1 }, { sku: "b", count: 2 }], note: "" };
    if (url.pathname.startsWith("/orders")) {
      body.total = side === "new" && Number(id) % 10 === 0 ? 12.4 : 12.5;
      if (side === "new" && Number(id) % 25 === 0) body.note = hostile;
    }
    response.writeHead(200, { "Content-Type": "application/json", "X-System": side });
    response.end(JSON.stringify(body));
  }, wait);
}

async function backend(side) {
  const server = http.createServer((request, response) => answer(side, request, response));
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const ROUTES = `
subject: { tenant: [{ header: X-Tenant }], user: [{ header: X-User }] }
comparisons:
  orders: { noise: { sample: 5% }, confirm: false }
routes:
  - { name: orders-read, owner: team-orders, group: orders, match: { methods: [GET], path: "/orders/{id}" }, new: new, stage: canary,
      canary: { percent: 25, by: user }, shadow: { compare: orders }, guard: { window: 60s, min_requests: 200, error_rate: 2% } }
  - { name: orders-write, owner: team-orders, group: orders, match: { methods: [POST], path: "/orders" }, new: new, stage: canary,
      canary: { percent: 25, by: user } }
  - { name: catalog, owner: team-catalog, match: { path: "/catalog/{*rest}" }, new: new, stage: live, shadow: { compare: orders } }
  - { name: cart, owner: team-cart, match: { path: "/cart/{id}" }, new: new, stage: shadow, shadow: { compare: orders } }
  - { name: search, owner: team-search, match: { path: /search }, stage: legacy }
  - { name: accounts, owner: team-accounts, match: { path: "/accounts/{id}" }, legacy: none, new: new, stage: complete }
  - { name: slow, owner: team-orders, match: { path: "/slow-and-broken/{id}" }, new: new, stage: canary, canary: { percent: 50, by: user } }
`;

export class Site {
  /** Starts everything. `routes` takes the place of what comes after the backends in routes.yaml. */
  static async start(banyan, { routes = ROUTES, admin = "" } = {}) {
    const site = new Site();
    site.folder = await mkdtemp(path.join(tmpdir(), "banyan-browser-"));
    [site.legacy, site.new] = await Promise.all([backend("legacy"), backend("new")]);
    site.tokens = { viewer: randomBytes(32).toString("hex"), operator: randomBytes(32).toString("hex") };
    const hash = (text) => createHash("sha256").update(text).digest("hex");
    const lines = [["vic", "viewer"], ["ona", "operator"]].map(([name, role]) => `${name} ${role} sha256:${hash(site.tokens[role])}\n`);
    await writeFile(path.join(site.folder, "tokens.txt"), lines.join(""));
    const endpoint = (server) => `{ endpoints: ["http://127.0.0.1:${server.address().port}"] }`;
    site.yaml = `version: 1
listen: [{ address: 127.0.0.1:0 }]
admin: { address: 127.0.0.1:0, tokens: tokens.txt${admin} }
access_log: off
drain: { delay: 0s, grace: 1s }
defaults: { legacy: legacy }
backends: { legacy: ${endpoint(site.legacy)}, new: ${endpoint(site.new)} }
${routes}`;
    await writeFile(path.join(site.folder, "routes.yaml"), site.yaml);
    site.process = spawn(banyan, ["serve", "--config", "routes.yaml"], { cwd: site.folder, stdio: ["ignore", "pipe", "pipe"] });
    await site.#addresses();
    site.tokens.owner = (await readFile(path.join(site.folder, ".banyan/admin.token"), "utf8")).trim();
    return site;
  }

  async #addresses() {
    this.log = [];
    for (const stream of [this.process.stdout, this.process.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        this.log.push(line);
        const address = line.match(/address=(\S+)/)?.[1];
        if (address && line.includes("listening")) this.facade = `http://${address}`;
        if (address && line.includes(" admin ")) this.admin = `http://${address}`;
      });
    }
    await until(`the facade listens:\n${this.log.join("\n")}`, () => {
      if (this.process.exitCode !== null) throw new Error(`the facade has ended:\n${this.log.join("\n")}`);
      return this.facade && this.admin;
    });
  }

  /** A request to the admin API with a token. */
  async api(path, { token = this.tokens.owner, method = "GET", body, headers = {} } = {}) {
    const own = { Authorization: `Bearer ${token}` };
    if (body !== undefined) own["Content-Type"] = "application/json";
    return fetch(this.admin + path, { method, headers: { ...own, ...headers }, body: body && JSON.stringify(body) });
  }

  /** A request of a client; who answered it. */
  async ask(path, { user = "u-1", tenant = "acme", method = "GET" } = {}) {
    const answer = await fetch(this.facade + path, { method, headers: { "X-User": user, "X-Tenant": tenant } });
    await answer.arrayBuffer();
    return answer.headers.get("x-served-by");
  }

  /** So many requests to each of these paths (`{}` is a number), of many users and tenants; how many new answered. */
  async traffic(count, paths = ["/orders/{}", "/catalog/{}", "/cart/{}", "/search", "/accounts/{}"]) {
    const tenants = ["acme", "globex", "initech", "umbrella", "hooli"];
    let fromNew = 0;
    for (const path of paths) {
      const asked = Array.from({ length: count }, (_, number) =>
        this.ask(path.replace("{}", number), { user: `u-${number}`, tenant: tenants[number % tenants.length] }));
      fromNew += (await Promise.all(asked)).filter((side) => side === "new").length;
    }
    return fromNew;
  }

  async stop() {
    if (this.process?.exitCode === null) {
      this.process.kill("SIGKILL");
      await once(this.process, "exit");
    }
    for (const server of [this.legacy, this.new]) {
      server?.closeAllConnections();
      server?.close();
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}
