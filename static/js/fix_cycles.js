// Fix bad cycles: the overview says what the zoomed plot shows, and a box drawn in the
// zoomed plot says which half-cycles the form means. The region can be typed as well.
(() => {
  "use strict";
  const overview = document.getElementById("fix-overview");
  const zoom = document.getElementById("fix-zoom");
  const form = document.getElementById("fix-form");
  const count = document.getElementById("fix-count");

  const spans = (range) => range.map(Number).sort((a, b) => a - b);

  const frame = (x, y) => {
    const accent = getComputedStyle(document.querySelector(".page-head h1")).color;
    const shape = x && {
      type: "rect", xref: "x", x0: x[0], x1: x[1], yref: y ? "y" : "paper", y0: y ? y[0] : 0, y1: y ? y[1] : 1,
      line: { width: 1, color: accent }, fillcolor: accent, opacity: .12,
    };
    window.Plotly.relayout(overview, { shapes: shape ? [shape] : [] });
  };

  const linkOverview = () => {
    overview.on("plotly_selected", (event) => {
      const box = event?.range;
      if (!box) return;
      window.Plotly.relayout(zoom, { "xaxis.range": spans(box.x), "yaxis.range": spans(box.y) });
      // The frame says where we are; nothing is chosen in the overview itself.
      window.Plotly.update(overview, { selectedpoints: null }, { selections: [] });
    });
    overview.on("plotly_doubleclick", () => {
      window.Plotly.relayout(zoom, { "xaxis.autorange": true, "yaxis.autorange": true });
    });
  };

  const fill = (range) => {
    const values = range ? [...spans(range.x), ...spans(range.y)] : ["", "", "", ""];
    ["first_cycle", "last_cycle", "minimum", "maximum"].forEach((name, place) => {
      form.elements[name].value = values[place] === "" ? "" : Number(values[place].toPrecision(7));
    });
  };

  const say = (ids) => {
    form.elements.half_cycles.value = ids.join(",");
    count.textContent = ids.length
      ? `${ids.length} half-cycle${ids.length === 1 ? " is" : "s are"} chosen on the plot.`
      : "Nothing is chosen on the plot. You can also type the region.";
  };

  const linkZoom = () => {
    zoom.on("plotly_relayout", (change) => {
      if (!Object.keys(change).some((key) => key.startsWith("xaxis") || key.startsWith("yaxis"))) return;
      const { xaxis, yaxis } = zoom._fullLayout;
      const whole = change["xaxis.autorange"];
      frame(whole ? null : spans(xaxis.range), whole ? null : spans(yaxis.range));
    });
    if (!form) return;
    zoom.on("plotly_selected", (event) => {
      say((event?.points ?? []).map((point) => point.customdata));
      fill(event?.range);
    });
    zoom.on("plotly_deselect", () => { say([]); fill(null); });
    // What is typed counts, no longer what was drawn.
    form.addEventListener("input", (event) => {
      if (["first_cycle", "last_cycle", "minimum", "maximum"].includes(event.target.name)) say([]);
    });
  };

  for (const [box, link] of [[overview, linkOverview], [zoom, linkZoom]]) {
    box.addEventListener("plotdrawn", () => {
      if (box.labLinked) return;
      box.labLinked = true;
      link();
    });
  }
})();
