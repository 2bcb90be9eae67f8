// Behaviour that every page shares: theme buttons, the search key, polling, questions.
(() => {
  "use strict";

  const markTheme = () => {
    const choice = document.documentElement.dataset.themeChoice;
    document.querySelectorAll("button[data-theme-choice]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    });
  };
  markTheme();

  document.addEventListener("click", (event) => {
    const theme = event.target.closest("button[data-theme-choice]");
    if (theme) {
      event.stopPropagation();
      window.chooseTheme(theme.dataset.themeChoice);
      markTheme();
    }
    const copy = event.target.closest("[data-copy]");
    if (copy) copyText(copy);
  }, true);

  const copyText = async (button) => {
    const source = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      button.lastChild.textContent = " Copied";
    } catch {
      source.select?.(); // no clipboard without HTTPS: the text is at least marked
    }
  };

  // "/" goes to the search box, as in most tools that people keep open all day.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const search = document.getElementById("search");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.confirm && !window.confirm(form.dataset.confirm)) {
      event.preventDefault();
      return;
    }
    // A double click starts nothing twice. Disabled after the browser has read the form.
    if (form.method !== "post") return;
    setTimeout(() => form.querySelectorAll("button[type=submit]").forEach((button) => { button.disabled = true; }));
    setTimeout(() => form.querySelectorAll("button[type=submit]").forEach((button) => { button.disabled = false; }), 4000);
  });

  // A tab in the background asks for nothing.
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (document.hidden && event.target.hasAttribute("data-poll")) event.preventDefault();
  });

  // An expired session answers a fragment with the login page: go there as a whole.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (new URL(event.detail.xhr.responseURL || location.href).pathname.startsWith("/account/login")) {
      event.detail.shouldSwap = false;
      location.assign("/account/login/?next=" + encodeURIComponent(location.pathname + location.search));
    }
  });

  document.addEventListener("htmx:responseError", (event) => {
    if (event.target.hasAttribute("data-poll")) return;
    notice(`The server answered ${event.detail.xhr.status}. Reload the page; if it stays, tell your administrator.`);
  });
  document.addEventListener("htmx:sendError", (event) => {
    if (event.target.hasAttribute("data-poll")) return;
    notice("The server could not be reached. Check the connection and try again.");
  });

  const notice = (text) => {
    document.getElementById("notice")?.remove();
    const box = document.createElement("div");
    box.id = "notice";
    box.className = "alert alert-danger notice";
    box.setAttribute("role", "alert");
    box.textContent = text;
    document.body.append(box);
    setTimeout(() => box.remove(), 8000);
  };

  // Links inside the drawer close it (the page may come from the back/forward cache).
  window.addEventListener("pageshow", () => {
    const drawer = document.getElementById("sidebar");
    if (drawer?.classList.contains("show")) window.bootstrap?.Offcanvas.getInstance(drawer)?.hide();
  });
})();
