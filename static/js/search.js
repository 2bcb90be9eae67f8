// The search tree: rows that are added as needed, names completed while typing, and short
// addresses. Without this script the form still works, with the rows that it came with.
(() => {
  "use strict";
  const form = document.getElementById("search-tree");
  // Not form.dataset: the form has a field of that name.
  const suggestUrl = form.getAttribute("data-suggest-url");
  const rowFields = ["molecule", "need", "amount", "unit", "row_tolerance", "role"];

  // What is left empty is not part of the question, so it is not part of the address.
  form.addEventListener("formdata", (event) => {
    const data = event.formData;
    const lists = Object.fromEntries(rowFields.map((name) => [name, data.getAll(name)]));
    const kept = lists.molecule
      .map((_, place) => place)
      .filter((place) => ["molecule", "amount", "row_tolerance"].some((name) => lists[name][place].trim()));
    for (const name of new Set(data.keys())) {
      const filled = data.getAll(name).filter((value) => typeof value === "string" && value.trim());
      data.delete(name);
      if (!rowFields.includes(name)) filled.forEach((value) => data.append(name, value));
    }
    rowFields.forEach((name) => {
      const values = kept.map((place) => lists[name][place].trim());
      const usual = name === "need" ? "mandatory" : "";
      if (values.some((value) => value !== usual)) values.forEach((value) => data.append(name, value));
    });
  });

  const emptied = (element) => {
    const copy = element.cloneNode(true);
    copy.querySelectorAll("input").forEach((input) => { input.value = ""; input.classList.remove("is-invalid"); });
    copy.querySelectorAll("select").forEach((select) => { select.selectedIndex = 0; });
    copy.querySelectorAll(".invalid-feedback").forEach((note) => note.remove());
    return copy;
  };

  const append = (list, template) => {
    const made = emptied(template);
    list.append(made);
    made.querySelector("input").focus();
  };

  document.addEventListener("click", (event) => {
    const rows = form.querySelector("[data-rows]");
    if (event.target.closest("[data-add-row]")) append(rows, rows.lastElementChild);
    const remove = event.target.closest("[data-remove-row]");
    if (remove) {
      const row = remove.closest("tr");
      if (rows.children.length === 1) row.replaceWith(emptied(row));
      else row.remove();
    }
    const more = event.target.closest("[data-add-choice]");
    if (more) append(more.closest("[data-choices]"), more.closest(".search-choice"));
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) form.requestSubmit();
    if (event.target.matches("[data-tick-all]")) {
      document.querySelectorAll("#results input[name=cell]").forEach((box) => { box.checked = event.target.checked; });
    }
  });

  let wait;
  form.addEventListener("input", (event) => {
    const kind = event.target.dataset.suggest;
    if (!kind) return;
    clearTimeout(wait);
    wait = setTimeout(() => complete(kind, event.target.value), 150);
  });
  form.addEventListener("focusin", (event) => {
    const kind = event.target.dataset.suggest;
    if (kind) complete(kind, event.target.value);
  });

  const complete = async (kind, text) => {
    const query = new URLSearchParams({ kind, text });
    const answer = await fetch(`${suggestUrl}?${query}`, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const { names } = await answer.json();
    const options = names.map((name) => Object.assign(document.createElement("option"), { value: name }));
    document.getElementById(`${kind}-names`).replaceChildren(...options);
  };

  // A search from the foot of a long form shows what it found.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "results") return;
    const results = event.detail.target.getBoundingClientRect();
    if (results.top < 0 || results.top > window.innerHeight / 2) event.detail.target.scrollIntoView({ block: "start" });
  });
})();
