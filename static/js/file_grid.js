// The grid in which many files are corrected: only what was changed is sent, in one request.
(() => {
  "use strict";

  const root = document.getElementById("file-grid");
  if (!root) return;
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const part = (name) => root.querySelector(`[data-${name}]`);
  const columns = read("grid-columns");
  const stored = new Map();
  const remember = (row) => stored.set(row.id, { ...row });
  const rows = read("grid-rows");
  rows.forEach(remember);
  let errors = new Map(); // "id field" to what is wrong there

  let waiting;
  const say = (text, bad = false) => {
    clearTimeout(waiting);
    part("note").textContent = text;
    part("note").classList.toggle("text-danger", bad);
    part("note").classList.toggle("text-secondary", !bad);
  };
  const text = (value) => String(value ?? "").trim();
  const differs = (row, field) => text(row[field]) !== text(stored.get(row.id)[field]);

  const shown = (cell) => {
    const row = cell.getData();
    const field = cell.getField();
    const wrong = errors.get(`${row.id} ${field}`);
    const byHand = row.manual.includes(field);
    const element = cell.getElement();
    element.classList.toggle("grid-changed", differs(row, field));
    element.classList.toggle("grid-wrong", Boolean(wrong));
    element.classList.toggle("fw-bold", byHand);
    element.title = wrong ?? (byHand ? "Set by hand" : "");
    return Object.assign(document.createElement("span"), { textContent: text(cell.getValue()) });
  };
  const tick = (cell) => Object.assign(document.createElement("input"), {
    type: "checkbox", className: "form-check-input", checked: Boolean(cell.getValue()), ariaLabel: `Choose ${cell.getData().name}`, tabIndex: -1,
  });
  const link = (cell) => Object.assign(document.createElement("a"), { href: cell.getData().url, textContent: cell.getValue(), title: cell.getValue() });
  const status = (cell) => Object.assign(document.createElement("span"), { textContent: cell.getValue(), title: cell.getData().why });

  const editable = columns.map(({ field, title, choices }) => ({
    field, title, headerSort: false, minWidth: 105, formatter: shown,
    editor: choices.length ? "list" : "input",
    editorParams: choices.length ? { values: ["", ...choices], autocomplete: true, freetext: true, allowEmpty: true, listOnEmpty: true } : {},
  }));
  const toggleAll = () => {
    const all = table.getData();
    const on = !all.every((row) => row.chosen);
    table.updateData(all.map((row) => ({ id: row.id, chosen: on })));
  };
  const table = new window.Tabulator("#grid", {
    height: "32rem",
    layout: "fitDataFill",
    data: rows.map((row) => ({ ...row, chosen: false })),
    columns: [
      { field: "chosen", title: "✓", headerTooltip: "Tick all, or none", headerSort: false, width: 44, hozAlign: "center", formatter: tick, headerClick: toggleAll, clipboard: false, cellClick: (event, cell) => { event.preventDefault(); cell.setValue(!cell.getValue()); } },
      { field: "name", title: "File", headerSort: false, width: 280, formatter: link, clipboard: false },
      { field: "status", title: "Status", headerSort: false, width: 95, formatter: status, clipboard: false },
      ...editable,
    ],
    selectableRange: 1,
    selectableRangeColumns: true,
    editTriggerEvent: "dblclick",
    clipboard: true,
    clipboardCopyStyled: false,
    clipboardCopyConfig: { rowHeaders: false, columnHeaders: false },
    clipboardCopyRowRange: "range",
    clipboardPasteParser: "range",
    clipboardPasteAction: "range",
  });
  const fields = new Set(columns.map((column) => column.field));

  const changes = () => table.getData().flatMap((row) => {
    const changed = columns.filter(({ field }) => differs(row, field)).map(({ field }) => [field, text(row[field])]);
    return changed.length ? [{ id: row.id, version: stored.get(row.id).version, ...Object.fromEntries(changed) }] : [];
  });
  const count = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
  const tell = () => { const changed = changes().length; say(changed ? `${count(changed, "file")} changed, not saved yet.` : "Nothing is changed."); };
  const tellSoon = () => { clearTimeout(waiting); waiting = setTimeout(tell, 100); };
  table.on("cellEdited", (cell) => { if (fields.has(cell.getField())) tellSoon(); });
  table.on("clipboardPasted", () => { restoreFixed(); tellSoon(); });

  // A pasted block may reach over columns that are no metadata: those stay as they are.
  const restoreFixed = () => {
    const fixed = ({ id }) => ({ name: stored.get(id).name, status: stored.get(id).status });
    const spoilt = table.getData().filter((row) => typeof row.chosen !== "boolean" || row.name !== fixed(row).name || row.status !== fixed(row).status);
    if (spoilt.length) table.updateData(spoilt.map((row) => ({ id: row.id, chosen: row.chosen === true, ...fixed(row) })));
  };

  const fill = () => {
    const [first, ...below] = table.getRanges()[0]?.getStructuredCells() ?? [];
    if (!first || !below.length) return say("Choose the cell to repeat and the cells below it first.", true);
    below.forEach((line) => line.forEach((cell, place) => {
      if (fields.has(cell.getField())) cell.setValue(first[place].getValue());
    }));
    return tell();
  };

  const showErrors = (found = []) => {
    const before = errors;
    errors = new Map(found.map((error) => [`${error.id} ${error.field}`, error.message]));
    new Set([...before.keys(), ...errors.keys()].map((key) => Number(key.split(" ")[0]))).forEach((id) => {
      const row = table.getRow(id);
      if (row) row.reformat();
    });
    const titles = new Map(columns.map(({ field, title }) => [field, title]));
    part("errors").replaceChildren(...found.slice(0, 10).map((error) => Object.assign(document.createElement("li"), {
      textContent: error.field === "id" ? error.message : `${stored.get(error.id)?.name ?? `Row ${error.row}`}, ${titles.get(error.field) ?? error.field}: ${error.message}`,
    })));
  };

  const ask = async (url, body) => {
    const token = JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
    const init = body ? { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": token }, body: JSON.stringify(body) } : {};
    return (await fetch(url, init)).json();
  };

  // Many files are changed by a job: watch it, and fetch the rows when it has ended.
  const follow = async ({ job, page }, ids) => {
    say("A job changes the files: ");
    part("note").append(Object.assign(document.createElement("a"), { href: page, target: "_blank", textContent: "watch it" }));
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      const now = await ask(job);
      if (now.state === "succeeded") return ask(root.dataset.rowsUrl, { files: ids });
      if (!now.is_active) return { error: now.error || `The job was ${now.state}.`, fix: now.fix };
    }
  };

  // What others changed is shown where nothing was typed; what was typed stays to be saved again.
  const showCurrent = async (rows) => {
    await table.updateData(rows.map((row) => {
      const shownRow = table.getRow(row.id).getData();
      const typed = columns.filter(({ field }) => differs(shownRow, field)).map(({ field }) => [field, shownRow[field]]);
      return { ...row, chosen: shownRow.chosen, ...Object.fromEntries(typed) };
    }));
    rows.forEach(remember);
  };

  const send = async (url, body, done) => {
    say("Saving …");
    let answer;
    try {
      answer = await ask(url, body);
      if (answer.job) answer = await follow(answer, body.files ?? body.rows.map((row) => row.id));
    } catch {
      return say("The server did not answer as expected. Nothing in the grid is lost; try again.", true);
    }
    if (answer.current) await showCurrent(answer.current);
    showErrors(answer.error && answer.rows ? answer.rows : []);
    if (answer.error) return say(`${answer.error} ${answer.fix}`, true);
    answer.rows.forEach(remember);
    await table.updateData(answer.rows.map((row) => ({ ...row, chosen: false })));
    answer.rows.forEach((row) => table.getRow(row.id).reformat());
    return say(`${count(answer.rows.length, "file")} ${done}.`);
  };

  const onTicked = (url, body, done) => {
    if (changes().length) return say("Save or discard your changes first.", true);
    const files = table.getData().filter((row) => row.chosen).map((row) => row.id);
    if (!files.length) return say("Tick at least one file.", true);
    return send(url, { files, ...body }, done);
  };
  const actions = {
    fill,
    save: () => (changes().length ? send(root.dataset.saveUrl, { rows: changes() }, "saved") : say("Nothing is changed.")),
    undo: async () => {
      if (changes().length) await table.updateData(changes().map(({ id }) => stored.get(id)));
      showErrors();
      tell();
    },
    reparse: () => onTicked(root.dataset.reparseUrl, { discard_manual: part("discard").checked }, "read again"),
    deprecate: () => (text(part("reason").value)
      ? onTicked(root.dataset.deprecateUrl, { reason: part("reason").value }, "deprecated")
      : say("Say why the files are to be ignored.", true)),
  };
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actions[button.dataset.do]();
  });
  document.getElementById("grid").addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "d" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    fill();
  });
  window.addEventListener("beforeunload", (event) => { if (changes().length) event.preventDefault(); });
})();
