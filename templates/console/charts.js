// Plots tell the numbers below the pointer, and commands can be copied; the tables below the plots have the numbers without a script.
"use strict";
(() => {
  const number = (value, unit) => {
    const shown = unit === "%" ? value * 100 : unit === "ms" && value >= 1000 ? value / 1000 : value;
    const text = String(Number(shown.toPrecision(3)));
    return `${text} ${unit === "ms" && value >= 1000 ? "s" : unit}`.trim();
  };
  // A path is made of `M` and `L` with two numbers each; the plot is a thousand wide, and as high as its area.
  const points = (path) => [...path.getAttribute("d").matchAll(/[ML](\S+) ([^ML]+)/g)].map(([, x, y]) => [Number(x) / 1000, Number(y)]);
  const leave = (figure) => {
    for (const key of figure.querySelectorAll(".key b[data-last]")) { key.textContent = key.dataset.last; delete key.dataset.last; }
    figure.querySelector(".cross")?.remove();
    const time = figure.querySelector(".at-time");
    if (time) time.remove();
  };
  document.addEventListener("pointermove", (event) => {
    const plot = event.target.closest?.("svg.plot");
    for (const figure of document.querySelectorAll(".chart:has(.cross)")) if (!plot || !figure.contains(plot)) leave(figure);
    if (!plot) return;
    const figure = plot.closest("figure"), area = plot.querySelector(".plot-area"), inner = area.querySelector("svg[viewBox]");
    // A line of the grid is as wide as the area; the area itself is only as wide as what is drawn in it.
    const box = area.querySelector(".grid").getBoundingClientRect(), at = (event.clientX - box.left) / box.width;
    if (at < 0 || at > 1) { leave(figure); return; }
    const { from, until, step, top, unit } = plot.dataset;
    const height = inner.viewBox.baseVal.height, span = until - from, reach = (1.5 * step) / span;
    const keys = figure.querySelectorAll(".legend .key b");
    [...inner.querySelectorAll("path.line")].forEach((path, place) => {
      const near = points(path).reduce((best, point) => (Math.abs(point[0] - at) < Math.abs((best?.[0] ?? Infinity) - at) ? point : best), null);
      keys[place].dataset.last ??= keys[place].textContent;
      keys[place].textContent = near && Math.abs(near[0] - at) <= reach ? number((1 - near[1] / height) * top, unit) : "–";
    });
    let cross = area.querySelector(".cross");
    if (!cross) {
      cross = document.createElementNS("http://www.w3.org/2000/svg", "line");
      cross.setAttribute("class", "cross");
      cross.setAttribute("y2", height);
      area.append(cross);
    }
    for (const end of ["x1", "x2"]) cross.setAttribute(end, `${at * 100}%`);
    const caption = figure.querySelector("figcaption");
    let time = caption.querySelector(".at-time");
    if (!time) {
      time = document.createElement("span");
      time.className = "at-time";
      caption.querySelector("b").after(time);
    }
    time.textContent = new Date(Number(from) + at * span).toISOString().slice(span > 172800000 ? 0 : 11, 19).replace("T", " ");
  });
  document.addEventListener("pointerleave", () => document.querySelectorAll(".chart:has(.cross)").forEach(leave), true);

  // Commands, and lines for the file.
  if (navigator.clipboard) {
    for (const code of document.querySelectorAll("pre[data-copy]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button small copy-code";
      button.textContent = "Copy";
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      const box = document.createElement("div");
      box.className = "copied";
      code.replaceWith(box);
      box.append(code, button);
    }
  }
})();
