// A box drawn in the Nyquist or Bode plot chooses points; keys work the review.
(() => {
  "use strict";
  const form = document.getElementById("mask-form");
  const count = document.getElementById("mask-count");

  const choose = (places) => {
    form.elements.points.value = places.join(",");
    count.textContent = places.length
      ? `${places.length} point${places.length === 1 ? " is" : "s are"} chosen.`
      : "Drag a box around points of the Nyquist or Bode plot to choose them. Open circles are masked.";
  };

  const link = (box) => {
    box.on("plotly_selected", (event) => {
      const places = (event?.points ?? []).map((point) => point.customdata).filter((place) => Number.isInteger(place));
      choose([...new Set(places)].sort((a, b) => a - b));
    });
    box.on("plotly_deselect", () => choose([]));
    box.on("plotly_click", (event) => {
      const place = event.points[0]?.customdata;
      if (!Number.isInteger(place)) return;
      const now = new Set(form.elements.points.value.split(",").filter(Boolean).map(Number));
      if (!now.delete(place)) now.add(place);
      choose([...now].sort((a, b) => a - b));
    });
  };

  if (form) {
    form.querySelector("[data-points]")?.addEventListener("click", (event) => {
      choose(event.currentTarget.dataset.points.split(",").map(Number));
    });
    document.querySelectorAll(".plot-select").forEach((box) => {
      box.addEventListener("plotdrawn", () => {
        if (box.labLinked) return;
        box.labLinked = true;
        link(box);
      });
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "m" && form?.elements.points.value) form.querySelector("button[type=submit]").click();
    if (event.key === "c" && document.getElementById("circuit")) {
      event.preventDefault();
      document.getElementById("circuit").select();
    }
    document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
  });
})();
