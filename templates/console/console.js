// What the pages do beyond what they do without a script: they keep themselves up to date, filter as one types, and ask questions
// above the page that they are asked from. Everything here comes from the page's own address or from one that it names.
"use strict";
(() => {
  const EVERY = 5000; // How often a page is brought up to date, in milliseconds.
  const SOON = 250; // How soon after something has happened, or after the last key.
  const EVENTS = ["start", "reload", "rollback", "resume", "kill", "hold", "unhold", "trip", "step", "ramp", "accept", "reopen",
    "refused", "warning", "signature", "unhealthy", "healthy", "ejected", "readmitted", "missed"];

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const one = (selector, within = document) => within.querySelector(selector);
  const ask = (url) => fetch(url, { headers: { "X-Banyan-Live": "1" }, credentials: "same-origin", cache: "no-store" });
  const parsed = (text) => new DOMParser().parseFromString(text, "text/html");
  const here = () => location.pathname + location.search;
  document.documentElement.classList.add("js");

  // --- Questions: links with data-dialog open the form of the page they lead to above this page. ---
  const question = async (link) => {
    const url = new URL(link.href);
    if (url.origin !== location.origin) return;
    if (!url.searchParams.has("back")) url.searchParams.set("back", here());
    try {
      const answer = await ask(url);
      const asked = one("[data-dialog-body]", parsed(await answer.text()));
      if (!answer.ok || !asked) throw new Error("no question");
      for (const open of all("dialog")) open.close();
      const dialog = document.createElement("dialog");
      dialog.append(document.adoptNode(asked));
      dialog.setAttribute("aria-label", one("h1", dialog)?.textContent ?? "");
      document.body.append(dialog);
      dialog.addEventListener("close", () => dialog.remove());
      dialog.showModal();
    } catch { location.href = url; }
  };
  document.addEventListener("click", (event) => {
    const plain = !(event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
    const link = event.target.closest?.("a[data-dialog]");
    if (plain && link) { event.preventDefault(); question(link); }
    const dialog = event.target.closest?.("dialog");
    if (plain && dialog && (event.target === dialog || event.target.closest("[data-close]"))) { event.preventDefault(); dialog.close(); }
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  // --- Filters: a form with data-instant shows what it finds without leaving the page; the address says the same. ---
  const form = one("form[data-instant]");
  let turn = 0;
  const show = async (query, remember) => {
    const mine = ++turn;
    const target = one(form.dataset.instant);
    try {
      const answer = await ask(form.dataset.part + query);
      const text = await answer.text();
      if (mine !== turn) return;
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const fresh = parsed(text);
      merge(fresh);
      target.replaceChildren(...(one(form.dataset.instant, fresh) ?? fresh.body).childNodes);
      if (remember) history[remember](null, "", form.getAttribute("action") + query);
    } catch { if (mine === turn) location.href = form.getAttribute("action") + query; }
  };
  if (form) {
    const query = () => {
      const pairs = [...new FormData(form)].filter(([, value]) => value);
      return pairs.length ? `?${new URLSearchParams(pairs)}` : "";
    };
    const fill = (search) => {
      const pairs = new URLSearchParams(search);
      for (const field of form.elements) {
        if (!field.name || field === document.activeElement) continue;
        const value = pairs.get(field.name) ?? "";
        // An order that the list does not offer is still the order.
        if (field.tagName === "SELECT" && ![...field.options].some((option) => option.value === value)) field.add(new Option(value, value));
        field.value = value;
      }
    };
    fill(location.search);
    let timer;
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => show(query(), "replaceState"), SOON); });
    form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); show(query(), "pushState"); });
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.("a[data-instant-link]");
      if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      const { search } = new URL(link.href);
      show(search, "pushState").then(() => fill(search));
    });
    addEventListener("popstate", () => { fill(location.search); show(location.search); });
  }

  // --- A choice with data-submit is asked for at once; its form goes to a page. ---
  document.addEventListener("change", (event) => event.target.closest?.("[data-submit]")?.form?.requestSubmit());

  // --- Up to date: what has data-live (a name) or data-row (a row of a table) is replaced in place, and nothing moves. ---
  const put = (mine, its) => {
    if (mine.innerHTML === its.innerHTML || mine.contains(document.activeElement) || one("details[open]", mine)) return;
    mine.innerHTML = its.innerHTML;
    mine.classList.remove("changed");
    requestAnimationFrame(() => mine.classList.add("changed"));
  };
  const merge = (fresh) => {
    for (const its of all("[data-live]", fresh)) {
      const mine = one(`[data-live="${CSS.escape(its.dataset.live)}"]`);
      if (mine) put(mine, its);
    }
    for (const its of all("[data-row]", fresh)) {
      const mine = one(`[data-row="${CSS.escape(its.dataset.row)}"]`);
      if (mine && mine.children.length === its.children.length) [...mine.children].forEach((cell, place) => put(cell, its.children[place]));
    }
  };
  const state = one("#live-state");
  const say = (text) => { if (state && state.textContent !== text) state.textContent = text; };
  const live = one("[data-live-url]");
  let busy = false;
  const refresh = async () => {
    if (!live || busy || document.hidden || one("dialog[open]")) return;
    busy = true;
    const mine = turn;
    try {
      const table = one("[data-of]", live);
      const url = new URL(live.dataset.liveUrl || here(), location.href);
      if (table) {
        url.searchParams.set("rows", all("[data-row]", table).map((row) => row.dataset.row).join(","));
        url.searchParams.set("of", table.dataset.of);
      }
      const answer = await ask(url);
      if (answer.status === 401) { location.reload(); return; }
      const fresh = parsed(await answer.text());
      if (!answer.ok || mine !== turn) return;
      if (one("[data-stale]", fresh) && form) await show(location.search);
      else merge(fresh);
      say("· live");
    } catch { say("· the facade does not answer"); } finally { busy = false; }
  };
  // What stands around the page (the kill switch, what is held, the generation) changes only when something has happened.
  const surround = async () => {
    try {
      const answer = await ask("/frame");
      if (!answer.ok) return;
      const fresh = parsed(await answer.text());
      for (const its of all("[data-frame]", fresh)) {
        const mine = one(`[data-frame="${its.dataset.frame}"]`);
        if (mine && mine.innerHTML !== its.innerHTML && !one("details[open]", mine)) mine.innerHTML = its.innerHTML;
      }
    } catch { /* The next event, or the next page, brings it. */ }
  };
  let soon, source;
  const happened = () => { clearTimeout(soon); soon = setTimeout(() => { surround(); refresh(); }, SOON); };
  // Browsers have few connections to one host: only the page that is looked at listens.
  const listen = () => {
    source?.close();
    source = null;
    if (document.hidden || !one("[data-frame]")) return;
    source = new EventSource("/api/v1/events");
    for (const name of EVENTS) source.addEventListener(name, happened);
  };
  document.addEventListener("visibilitychange", () => { listen(); if (!document.hidden) happened(); });
  addEventListener("pagehide", () => source?.close());
  listen();
  if (live) setInterval(refresh, EVERY);

  // --- Keys: / filters, ? says which there are, g and a letter leads to a page. ---
  let going = 0;
  const pages = () => Object.fromEntries(all(".top nav a").map((link) => [link.textContent.trim()[0].toLowerCase(), link]));
  const help = () => {
    const dialog = document.createElement("dialog");
    const lines = [["/", "Filter"], ...Object.entries(pages()).map(([key, link]) => [`g ${key}`, link.textContent.trim()]), ["k", "Kill switch: asks first"], ["Esc", "Close"]];
    const list = document.createElement("dl");
    list.className = "pairs";
    for (const [keys, what] of lines) {
      const [term, meaning, key] = ["dt", "dd", "kbd"].map((name) => document.createElement(name));
      key.textContent = keys; term.append(key); meaning.textContent = what; list.append(term, meaning);
    }
    const title = document.createElement("h1");
    title.textContent = "Keys";
    dialog.append(title, list);
    document.body.append(dialog);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.showModal();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog")) return;
    const key = event.key.toLowerCase();
    if (Date.now() < going && pages()[key]) { going = 0; pages()[key].click(); return; }
    going = 0;
    const field = one(`[data-key="${CSS.escape(key)}"]`);
    if (field) { event.preventDefault(); field.focus(); field.select?.(); }
    else if (key === "g") going = Date.now() + 1500;
    else if (key === "?") help();
    else if (key === "k") one(".top-end a[data-dialog]")?.click();
  });
})();
