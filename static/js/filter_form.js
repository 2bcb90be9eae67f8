// The filter's grid of limits: "Use limits" of a group that exists fills in its box.
(() => {
  "use strict";
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-limits]");
    if (!button) return;
    const form = document.getElementById("filter-form");
    let last = null;
    for (const [name, value] of Object.entries(JSON.parse(button.dataset.limits))) {
      const field = form.elements.namedItem(name);
      if (field) { field.value = value; last = field; }
    }
    last?.dispatchEvent(new Event("input", { bubbles: true }));
  });
})();
