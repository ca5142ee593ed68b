// Differences, comparisons, changes, plan: what makes them quicker with a script; none of it is needed.
"use strict";
(() => {
  const all = (selector) => document.querySelectorAll(selector);

  // A command is copied.
  for (const button of all("button[data-copy]")) {
    const field = document.getElementById(button.dataset.copy);
    if (!field || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(field.value);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  // A file is read into the field beside it; it is sent only with the form.
  for (const input of all("input[type=file][data-into]")) {
    const field = document.getElementById(input.dataset.into);
    input.closest("label").hidden = false;
    input.addEventListener("change", async () => {
      const [file] = input.files;
      if (file && file.size <= 2 * 1024 * 1024) field.value = await file.text();
      else if (file) { field.setCustomValidity("the file has more than 2 MiB"); field.reportValidity(); }
    });
    field.addEventListener("input", () => field.setCustomValidity(""));
  }

  // The place of an error leads to its line in the field.
  for (const link of all("a[data-line]")) {
    link.addEventListener("click", (event) => {
      const field = document.getElementById("config");
      if (!field) return;
      event.preventDefault();
      const lines = field.value.split("\n"), line = Math.max(0, Number(link.dataset.line) - 1);
      const from = lines.slice(0, line).reduce((sum, text) => sum + text.length + 1, 0);
      field.focus();
      field.setSelectionRange(from, from + (lines[line] ?? "").length);
      field.scrollTop = (field.scrollHeight / lines.length) * Math.max(0, line - 4);
    });
  }

  // Keys: n and p lead to what comes next and before.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog")) return;
    if (event.key === "n" || event.key === "p") document.querySelector(`a[data-key="${event.key}"]`)?.click();
  });
})();
