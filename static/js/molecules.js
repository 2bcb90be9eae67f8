// Draw the structure of every <svg data-smiles> in the colours of the theme.
(() => {
  "use strict";

  const draw = () => {
    const dark = document.documentElement.dataset.bsTheme === "dark";
    document.querySelectorAll("svg[data-smiles]").forEach((svg) => {
      const theme = dark ? "dark" : "light";
      if (svg.dataset.drawn === theme) return;
      svg.dataset.drawn = theme;
      svg.replaceChildren();
      const { width, height } = svg.getBoundingClientRect();
      // Drawn beside the page: the drawer's <style> element would break the policy that
      // allows no inline styles. app.css says the same for .structure.
      const scratch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const place = () => {
        scratch.querySelectorAll("style").forEach((style) => style.remove());
        svg.setAttribute("viewBox", scratch.getAttribute("viewBox"));
        svg.replaceChildren(...scratch.childNodes);
      };
      // What can not be read is written out instead, so that nothing is lost.
      const failed = () => {
        const text = document.createElement("code");
        text.textContent = svg.dataset.smiles;
        svg.replaceWith(text);
      };
      const options = { width, height, padding: 6, fontSizeLarge: 11, fontSizeSmall: 7, fontFamily: "sans-serif" };
      new window.SmilesDrawer.SmiDrawer(options).draw(svg.dataset.smiles, scratch, theme, place, failed);
    });
  };
  draw();
  document.addEventListener("htmx:afterSettle", draw);
  new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
})();
