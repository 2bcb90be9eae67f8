// Draws every .plot[data-plot-url]: fetches a Plotly figure as JSON and gives it the
// fonts and colours of the page. Plotly itself is loaded by the first plot only.
(() => {
  "use strict";
  const PLOTLY = document.currentScript.dataset.plotly;
  let library = null;

  const plotly = () => {
    library ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = PLOTLY;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => { library = null; reject(new Error("The plot library could not be loaded.")); };
      document.head.append(script);
    });
    return library;
  };

  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // Canvas colours must be plain: let the browser resolve light-dark().
  const colour = (name) => {
    const probe = document.createElement("span");
    probe.style.color = `var(${name})`;
    document.body.append(probe);
    const value = getComputedStyle(probe).color;
    probe.remove();
    return value;
  };

  const axis = (own, look) => ({
    gridcolor: look.grid, linecolor: look.line, zerolinecolor: look.line, tickcolor: look.line,
    zeroline: false, showline: true, ticks: "outside", ticklen: 4, automargin: true,
    ...own,
    title: { standoff: 8, font: { size: look.size }, ...(typeof own.title === "string" ? { text: own.title } : own.title) },
  });

  const themed = (layout, narrow) => {
    const look = { size: narrow ? 11 : 13, ink: colour("--lab-ink"), quiet: colour("--lab-ink-2"), grid: colour("--lab-grid"), line: colour("--lab-line"), surface: colour("--lab-surface") };
    const axes = {};
    for (const name of new Set(["xaxis", "yaxis", ...Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))])) {
      axes[name] = axis(layout[name] ?? {}, look);
    }
    const legend = narrow
      ? { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0 }
      : { orientation: "v", y: 1, yanchor: "top", x: 1.01 };
    return {
      margin: { l: 56, r: narrow ? 8 : 16, t: layout.title ? 40 : 12, b: 48 },
      hovermode: "closest",
      ...layout,
      ...axes,
      autosize: true,
      height: undefined,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: token("--tblr-font-sans-serif") || "system-ui, sans-serif", size: narrow ? 11 : 12.5, color: look.ink, ...layout.font },
      hoverlabel: { bgcolor: look.surface, bordercolor: look.line, font: { color: look.ink, size: 12.5 }, ...layout.hoverlabel },
      legend: { ...legend, font: { size: narrow ? 11 : 12, color: look.ink }, bgcolor: "rgba(0,0,0,0)", ...layout.legend },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: look.quiet, activecolor: look.ink, ...layout.modebar },
    };
  };

  const say = (box, text, kind) => {
    window.Plotly?.purge(box);
    const note = document.createElement("p");
    note.className = `plot-note plot-note-${kind}`;
    note.textContent = text;
    box.replaceChildren(note);
    if (kind !== "error") return;
    const again = document.createElement("button");
    again.className = "btn btn-sm";
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => load(box));
    note.after(again);
  };

  const paint = async (box) => {
    const figure = box.labFigure;
    if (!figure) return;
    const Plotly = await plotly();
    if (!box.isConnected) return;
    if (!box.classList.contains("js-plotly-plot")) box.replaceChildren();
    const narrow = box.clientWidth < 600;
    // On a phone the legend lies under the plot, and needs room there.
    const entries = narrow ? figure.data.filter((trace) => trace.name && trace.showlegend !== false).length : 0;
    const tall = figure.layout?.height; // a grid says itself how high it must be
    box.style.height = tall ? `${tall + (narrow ? 20 * Math.min(entries, 12) : 0)}px` : entries > 1 ? `${300 + 20 * Math.min(entries, 12)}px` : "";
    await Plotly.react(box, figure.data, themed(figure.layout ?? {}, narrow), {
      responsive: true, displaylogo: false, displayModeBar: narrow ? false : "hover",
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      toImageButtonOptions: { filename: box.dataset.plotName || "battery_db", scale: 3 },
      ...figure.config,
    });
    box.setAttribute("role", "figure"); // no longer a picture only: it has buttons of its own
    box.dataset.plotState = "drawn";
    box.dispatchEvent(new CustomEvent("plotdrawn", { bubbles: true }));
  };

  // A figure that says so is asked for again, in full resolution, for the stretch in sight.
  const closer = (box) => {
    let timer = null;
    box.on("plotly_relayout", (change) => {
      const base = box.labBase;
      if (!base?.zoom) return;
      const keys = Object.keys(change);
      if (!keys.some((key) => key.startsWith("xaxis."))) return;
      clearTimeout(timer);
      timer = setTimeout(async () => {
        if (change["xaxis.autorange"]) { box.labFigure = base; await paint(box); return; }
        const [from, to] = box._fullLayout.xaxis.range;
        const url = new URL(box.labUrl, location.href);
        url.searchParams.set("from", from);
        url.searchParams.set("to", to);
        const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" }).catch(() => null);
        if (!answer?.ok || box.labBase !== base) return; // what is drawn stays
        const detail = await answer.json();
        box.labFigure = { ...base, data: detail.data.length ? detail.data : base.data };
        box.dataset.plotZoom = `${from}:${to}`;
        await paint(box);
      }, 200);
    });
  };

  const load = async (box) => {
    const url = box.dataset.plotUrl;
    box.labUrl = url;
    box.dataset.plotState = "loading";
    if (!box.labFigure) say(box, "Loading…", "loading");
    try {
      // On a phone the panels of a grid stand below each other.
      const asked = box.dataset.plotNarrow && box.clientWidth < 600 ? `${url}&${box.dataset.plotNarrow}` : url;
      const answer = await fetch(asked, { headers: { Accept: "application/json" }, credentials: "same-origin" });
      if (answer.redirected && new URL(answer.url).pathname.startsWith("/account/login")) {
        throw new Error("You have been signed out. Reload the page to sign in again.");
      }
      if (!answer.ok) {
        const detail = await answer.json().catch(() => ({}));
        throw new Error([detail.error ?? `The server answered ${answer.status}.`, detail.fix].filter(Boolean).join(" "));
      }
      const figure = await answer.json();
      if (box.labUrl !== url) return; // another figure was asked for meanwhile
      if (figure.empty || !figure.data?.length) {
        box.labFigure = null;
        box.dataset.plotState = "empty";
        say(box, figure.empty || "No data to plot.", "empty");
        return;
      }
      box.labFigure = box.labBase = figure;
      await paint(box);
      if (figure.zoom && !box.labCloser) { box.labCloser = true; closer(box); }
    } catch (error) {
      box.labFigure = null;
      box.dataset.plotState = "error";
      say(box, error instanceof TypeError ? "The server could not be reached." : error.message, "error");
    }
  };

  const pending = (root) => {
    const boxes = [...root.querySelectorAll(".plot[data-plot-url]")];
    if (root.matches?.(".plot[data-plot-url]")) boxes.push(root);
    return boxes.filter((box) => box.labUrl !== box.dataset.plotUrl);
  };

  const drawAll = (root) => pending(root ?? document).forEach(load);

  drawAll(document);
  document.addEventListener("htmx:afterSettle", () => drawAll(document));
  document.addEventListener("htmx:beforeCleanupElement", (event) => {
    if (event.target.classList?.contains("js-plotly-plot")) window.Plotly?.purge(event.target);
  });
  document.addEventListener("themechange", () => {
    document.querySelectorAll(".plot").forEach((box) => { if (box.labFigure) paint(box); });
  });
  // Figures for papers: on white, in the colours of the light theme, whatever the page has.
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-plot-save]");
    const box = button && document.querySelector(button.dataset.plotOf);
    if (!box?.labFigure) return;
    const Plotly = await plotly();
    const size = { width: box.clientWidth, height: box.clientHeight };
    const layout = { ...box.layout, paper_bgcolor: "#ffffff", plot_bgcolor: "#ffffff", font: { ...box.layout.font, color: "#1a2429" }, legend: { ...box.layout.legend, font: { size: 12, color: "#1a2429" } } };
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      layout[name] = { ...layout[name], gridcolor: "#e6ebed", linecolor: "#7e8d95", tickcolor: "#7e8d95" };
    }
    await Plotly.downloadImage({ data: box.data, layout }, {
      format: button.dataset.plotSave, filename: box.dataset.plotName || "battery_db", scale: button.dataset.plotSave === "png" ? 3 : 1, ...size,
    });
  });

  // For scripts that change data-plot-url: redraw what has changed.
  document.addEventListener("plotschange", () => drawAll(document));
})();
