// What every page does beyond reading: the field of filters completes, and keys do what buttons do. Without it every page can be read.
"use strict";

(() => {
  const field = document.querySelector('[role="combobox"]');
  const list = document.getElementById("suggestions");

  // The list of suggestions: arrows choose, Enter follows, Escape closes.
  if (field && list) {
    let chosen = -1;
    const options = () => [...list.querySelectorAll('[role="option"]')];
    const choose = (number) => {
      const all = options();
      chosen = all.length ? (number + all.length) % all.length : -1;
      all.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
      if (chosen >= 0) field.setAttribute("aria-activedescendant", all[chosen].id);
      else field.removeAttribute("aria-activedescendant");
    };
    const show = (open) => {
      list.hidden = !open;
      field.setAttribute("aria-expanded", String(open));
      if (!open) { chosen = -1; field.removeAttribute("aria-activedescendant"); }
    };
    document.body.addEventListener("htmx:afterSwap", (event) => {
      if (event.target === list) { chosen = -1; show(options().length > 0 && document.activeElement === field); }
    });
    field.addEventListener("keydown", (event) => {
      if (list.hidden) return;
      if (event.key === "ArrowDown") { choose(chosen + 1); event.preventDefault(); }
      else if (event.key === "ArrowUp") { choose(chosen < 0 ? -1 : chosen - 1); event.preventDefault(); }
      else if (event.key === "Escape") { show(false); event.preventDefault(); }
      else if (event.key === "Enter" && chosen >= 0) { options()[chosen].click(); event.preventDefault(); }
    });
    document.addEventListener("click", (event) => { if (!list.contains(event.target) && event.target !== field) show(false); });
    field.addEventListener("blur", () => setTimeout(() => { if (!list.contains(document.activeElement)) show(false); }, 150));
  }

  // Keys: an element says with data-key which key presses it, and nothing happens while someone types.
  const typing = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    const dialog = document.querySelector("dialog[open]");
    if (event.key === "?" && document.getElementById("keys")) { toggle(document.getElementById("keys")); event.preventDefault(); return; }
    if (!dialog && event.key === "/" && field) { field.focus(); field.select(); event.preventDefault(); return; }
    const pressed = (dialog || document).querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]:not([disabled])`);
    if (pressed) { event.preventDefault(); pressed.click(); }
  });

  const toggle = (dialog) => (dialog.open ? dialog.close() : dialog.showModal());
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) { event.preventDefault(); toggle(document.getElementById(opener.dataset.dialog)); }
    if (event.target.matches("dialog[open]")) event.target.close();
  });

  // A box that ticks all others of its form.
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) event.target.form.querySelectorAll(`[name="${event.target.dataset.all}"]`).forEach((box) => { box.checked = event.target.checked; });
  });

  // After a swap, say what happened to those who don't see it.
  document.body.addEventListener("htmx:afterSettle", () => {
    const told = document.querySelector("[data-live]");
    if (told) document.getElementById("live").textContent = told.textContent.trim();
  });
})();
