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
  let sending = Promise.resolve();
  const typing = (target) => target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
    const dialog = document.querySelector("dialog[open]");
    if (event.key === "?" && document.getElementById("keys")) { toggle(document.getElementById("keys")); event.preventDefault(); return; }
    if (!dialog && event.key === "/" && field) { field.focus(); field.select(); event.preventDefault(); return; }
    const find = () => (dialog || document).querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]:not([disabled], [hidden])`);
    const pressed = find();
    if (pressed) { event.preventDefault(); pressed.click(); }
    else if (event.key === "u") sending.then(() => { const undo = find(); if (undo) undo.click(); });
  });

  const toggle = (dialog) => (dialog.open ? dialog.close() : dialog.showModal());
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-dialog]");
    if (opener) { event.preventDefault(); toggle(document.getElementById(opener.dataset.dialog)); }
    if (event.target.matches("dialog[open]")) event.target.close();
  });

  // Review: the next case is fetched while this one is read, and shown at once; what was said is sent behind it, in its order.
  // What was judged is kept, the newest last: its page, its address and, once the verdict is stored, where that is taken back.
  let next = { html: null }, seen = null;
  const judged = [], mostJudged = 50;
  const parsed = (html) => new DOMParser().parseFromString(html, "text/html").getElementById("main");
  const lookAhead = () => {
    const form = document.querySelector("[data-ahead]");
    seen = form;
    const coming = { html: null };
    next = coming;
    if (form) fetch(form.dataset.ahead, { credentials: "same-origin" }).then((answer) => (answer.ok ? answer.text() : null)).then((html) => { coming.html = html; }).catch(() => {});
  };
  const swap = (main, address, looking = true) => {
    document.getElementById("main").replaceWith(main);
    if (address) { history.pushState({}, "", address); here = location.pathname + location.search; }
    htmx.process(main);
    if (looking) lookAhead();
    else [next, seen] = [{ html: null }, document.querySelector("[data-ahead]")];
  };
  const offerUndo = () => {
    const [button, newest] = [document.querySelector("[data-undo]"), judged[judged.length - 1]];
    if (button && newest && newest.undo) { button.setAttribute("formaction", newest.undo); button.hidden = false; }
  };
  const offerSkipped = () => {
    const [way, address] = [document.querySelector("[data-skipped]"), new URL(location.href)];
    if (way && address.searchParams.has("skipped")) way.hidden = false;
  };
  // What is counted, and what stands at the end of the queue, was asked for before the verdict was stored.
  const showProgress = (main) => {
    for (const part of [".progress", ".nothing h2", ".nothing .button:not([data-undo])"]) {
      const [old, current] = [document.querySelector(part), main.querySelector(part)];
      if (old && current) old.replaceWith(current);
    }
    offerSkipped();
    document.getElementById("live").textContent = document.querySelector("[data-live]").textContent.trim();
  };
  const goOn = (html, address) => {
    const next = new URL(address, location.href);
    if (new URL(location.href).searchParams.has("skipped")) next.searchParams.set("skipped", "1");
    swap(parsed(html), next.pathname + next.search);
    offerUndo();
    offerSkipped();
  };
  const settled = (answer, said, pair) => {
    if (!answer.to) {
      if (judged.includes(said)) judged.splice(judged.indexOf(said), 1);
      swap(answer.main, null);
      return;
    }
    const address = new URL(location.href);
    address.searchParams.set("last", new URL(answer.to, location.href).searchParams.get("last"));
    address.searchParams.set("pair", pair);
    said.undo = address.pathname + address.search;
    offerUndo();
    showProgress(answer.main);
  };
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-review]");
    if (!form || !event.submitter) return;
    event.preventDefault();
    const address = event.submitter.getAttribute("formaction") || form.getAttribute("action");
    const body = new URLSearchParams(new FormData(form, event.submitter));
    const post = () => fetch(address, { method: "POST", body, headers: { "HX-Request": "true" }, credentials: "same-origin", keepalive: true })
      .then(async (answer) => ({ to: answer.headers.get("HX-Push-Url"), main: parsed(await answer.text()) }));
    const failed = () => {
      const note = Object.assign(document.createElement("p"), { className: "note bad", textContent: form.dataset.failed });
      note.setAttribute("role", "alert");
      document.querySelector(".review").prepend(note);
    };
    const newest = judged[judged.length - 1];
    if (event.submitter.value !== "undo" && next.html) {
      const said = { main: document.getElementById("main"), address: location.pathname + location.search, undo: null };
      said.main.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close());
      judged.push(said);
      if (judged.length > mostJudged) judged.shift(); // what is older is fetched when it is undone
      goOn(next.html, form.dataset.ahead);
      sending = sending.then(post).then((answer) => settled(answer, said, body.get("pair"))).catch(failed);
    } else if (event.submitter.value === "undo" && newest && newest.undo === address) {
      judged.pop();
      swap(newest.main, newest.address, false);  // what comes next is not known before this case waits again
      sending = sending.then(post).then((answer) => {
        if (!answer.to || document.querySelector(".nothing")) swap(answer.main, answer.to);
        else { showProgress(answer.main); lookAhead(); }
      }).catch(failed);
    } else {
      sending = sending.then(post).then((answer) => swap(answer.main, answer.to)).catch(failed);
    }
  });
  document.addEventListener("click", (event) => {
    const skip = event.target.closest("[data-skip]");
    if (skip && next.html && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); event.stopPropagation(); const counted = document.querySelector(".progress"); goOn(next.html, skip.getAttribute("href")); document.querySelector(".progress").replaceWith(counted); offerSkipped(); }
  }, true);
  document.addEventListener("htmx:afterSettle", () => { if (document.querySelector("[data-ahead]") !== seen) lookAhead(); });
  // Back to another case is a page of its own; a jump within this one, as the link to the content makes, is not.
  let here = location.pathname + location.search;
  window.addEventListener("popstate", () => { if (document.querySelector("[data-review]") && location.pathname + location.search !== here) location.reload(); });
  lookAhead();

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
