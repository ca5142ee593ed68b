// What the pages do beyond what they do without a script: they keep themselves up to date, and questions open above them.
"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const ask = (url) => fetch(url, { headers: { "X-Banyan-Live": "1" }, credentials: "same-origin", cache: "no-store" });
  const parsed = (text) => new DOMParser().parseFromString(text, "text/html");

  // Links with data-dialog: the form of the page they lead to opens above this page.
  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-dialog]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    try {
      const answer = await ask(link.href);
      const asked = parsed(await answer.text()).querySelector("[data-dialog-body]");
      if (!answer.ok || !asked) throw new Error("no question");
      const dialog = document.createElement("dialog");
      dialog.append(document.adoptNode(asked));
      document.body.append(dialog);
      dialog.addEventListener("close", () => dialog.remove());
      dialog.addEventListener("click", (inside) => {
        if (inside.target === dialog || inside.target.closest("[data-close]")) { inside.preventDefault(); dialog.close(); }
      });
      dialog.showModal();
    } catch { location.href = link.href; }
  });

  // A menu closes when something else is looked at.
  document.addEventListener("click", (event) => {
    for (const menu of all("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
})();
