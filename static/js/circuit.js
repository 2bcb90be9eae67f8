// Buttons append elements to the circuit that is being composed, numbered on from those there.
(() => {
  "use strict";
  const composer = document.getElementById("circuit-composer");
  const field = document.getElementById("circuit");
  if (!composer || !field) return;

  const changed = () => {
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  };

  const numbered = (text) => {
    const used = new Set(field.value.match(/[A-Za-z]+\d*/g) ?? []);
    return text.replace(/(?!p\()[A-Za-z]+/g, (symbol) => {
      let number = 0;
      while (used.has(`${symbol}${number}`)) number += 1;
      used.add(`${symbol}${number}`);
      return `${symbol}${number}`;
    });
  };

  // The parts of the main chain: hyphens inside p(…) do not count.
  const parts = () => field.value.match(/(?:\((?:[^()]|\([^()]*\))*\)|[^-])+/g) ?? [];

  composer.addEventListener("click", (event) => {
    const button = event.target.closest("[data-element], [data-remove]");
    if (!button) return;
    const chain = parts();
    if ("remove" in button.dataset) chain.pop();
    else chain.push(numbered(button.dataset.element));
    field.value = chain.join("-");
    changed();
  });
})();
