// Rows of a Django formset: "Add a row" copies the template that the server rendered.
(() => {
  "use strict";

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-add-row]");
    if (!button) return;
    const set = button.closest("[data-formset]");
    const total = set.querySelector(`[name="${set.dataset.formset}-TOTAL_FORMS"]`);
    const most = Number(set.querySelector(`[name="${set.dataset.formset}-MAX_NUM_FORMS"]`)?.value || 1000);
    const number = Number(total.value);
    if (number >= most) return;
    const holder = document.createElement(set.querySelector("[data-rows]").tagName);
    holder.innerHTML = set.querySelector("template").innerHTML.replaceAll("__prefix__", String(number));
    const row = holder.firstElementChild;
    set.querySelector("[data-rows]").append(row);
    total.value = String(number + 1);
    row.querySelector("input, select")?.focus();
  });
})();
