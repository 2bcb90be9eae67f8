// The grid in which many cells are registered: one row per Cell ID, one column per molecule.
(() => {
  "use strict";

  const form = document.getElementById("grid-form");
  if (!form) return;
  const most = Number(form.dataset.mostRows);
  const note = document.getElementById("grid-note");
  const rowsOfMolecules = form.querySelector("[data-molecule-rows]");
  const template = form.querySelector("[data-molecules] template");
  const value = (id) => document.getElementById(id).value.trim();
  const say = (text, bad = false) => {
    note.textContent = text;
    note.classList.toggle("text-danger", bad);
    note.classList.toggle("text-secondary", !bad);
  };

  const addMolecule = () => rowsOfMolecules.append(template.content.cloneNode(true));
  for (let i = 0; i < 4; i += 1) addMolecule();
  document.getElementById("add-molecule").addEventListener("click", () => {
    addMolecule();
    rowsOfMolecules.lastElementChild.querySelector("[data-name]").focus();
  });

  // The fields of the grid and what each holds unless somebody changed it.
  let fields = [];
  let defaults = {};
  const column = (title, field, extra = {}) => ({ title, field, editor: "input", headerSort: false, minWidth: 90, ...extra });
  const fixed = [column("Cell ID", "cell_id", { frozen: true, width: 100 }), column("Box or dry cell", "dry_cell", { minWidth: 150 })];
  const notes = column("Notes", "notes", { minWidth: 150 });
  const table = new window.Tabulator("#grid", {
    height: "26rem",
    layout: "fitColumns",
    placeholder: "Give Cell IDs above, then “Change defaults”.",
    columns: [...fixed, notes],
    data: [],
    selectableRange: 1,
    selectableRangeColumns: true,
    selectableRangeClearCells: true,
    editTriggerEvent: "dblclick",
    clipboard: true,
    clipboardCopyStyled: false,
    clipboardCopyConfig: { rowHeaders: false, columnHeaders: false },
    clipboardCopyRowRange: "range",
    clipboardPasteParser: "range",
    clipboardPasteAction: "range",
  });
  const built = new Promise((resolve) => table.on("tableBuilt", resolve));

  const molecules = () => [...rowsOfMolecules.children].map((row) => {
    const read = (key) => row.querySelector(`[data-${key}]`).value.trim();
    const use = [read("role"), read("unit")].filter(Boolean).join(" ");
    return { name: read("name"), header: read("name") + (use ? ` [${use}]` : ""), amount: read("amount") };
  }).filter((molecule) => molecule.name);

  const cellIds = () => {
    const first = Number(value("first"));
    const count = value("count") ? Number(value("count")) : Number(value("last")) - first + 1;
    if (!Number.isInteger(first) || first < 1) return "Give the first Cell ID, a whole number above 0.";
    if (!Number.isInteger(count) || count < 1) return "Give the last Cell ID, not below the first, or a number of cells.";
    if (value("count") && value("last") && Number(value("last")) !== first + count - 1) return "The last Cell ID and the number of cells disagree. Give one of the two.";
    if (count > most) return `These are ${count.toLocaleString()} cells; at most ${most.toLocaleString()} are registered at once.`;
    return Array.from({ length: count }, (_, index) => String(first + index));
  };

  // Refills what nobody has touched: what still holds the default of before.
  const changeDefaults = async () => {
    const ids = cellIds();
    if (typeof ids === "string") return say(ids, true);
    const chosen = molecules();
    const headers = chosen.map((molecule) => molecule.header);
    if (new Set(headers).size < headers.length) return say("A molecule is there twice.", true);
    await built;
    const before = new Map(table.getData().map((row) => [row.id, row]));
    const old = defaults;
    defaults = { dry_cell: value("box"), notes: "" };
    const names = new Map(chosen.map((molecule, index) => [`m${index}`, molecule]));
    const oldFields = new Map(fields.map((item) => [item.header, item.field]));
    names.forEach((molecule, field) => { defaults[field] = molecule.amount; });
    const kept = (row, field, from) => {
      const was = row?.[from];
      return row && from !== undefined && was !== undefined && was !== (old[from] ?? "") ? was : defaults[field];
    };
    const data = ids.map((id) => {
      const row = before.get(id);
      const filled = { id, cell_id: row?.cell_id ?? id, dry_cell: kept(row, "dry_cell", "dry_cell"), notes: kept(row, "notes", "notes") };
      names.forEach((molecule, field) => { filled[field] = kept(row, field, oldFields.get(molecule.header)); });
      return filled;
    });
    fields = [...names].map(([field, molecule]) => ({ field, header: molecule.header }));
    await table.setColumns([...fixed, ...fields.map((item) => column(item.header, item.field)), notes]);
    await table.setData(data);
    document.getElementById("plan").replaceChildren();
    return say(`${ids.length.toLocaleString()} cell${ids.length === 1 ? "" : "s"} in the grid.`);
  };
  document.getElementById("change-defaults").addEventListener("click", changeDefaults);

  const quoted = (text) => `"${String(text ?? "").replaceAll('"', '""')}"`;
  const asTable = () => {
    const columns = ["cell_id", "dry_cell", ...fields.map((item) => item.field), "notes"];
    const titles = ["cell_id", "dry_cell", ...fields.map((item) => item.header), "notes"];
    const lines = table.getData().map((row) => columns.map((field) => quoted(row[field])).join(","));
    return lines.length ? [titles.map(quoted).join(","), ...lines].join("\r\n") : "";
  };
  form.addEventListener("htmx:configRequest", (event) => { event.detail.parameters.set("text", asTable()); });

  // More rows than the grid can take are refused before they make the browser wait.
  document.getElementById("grid").addEventListener("paste", (event) => {
    const lines = (event.clipboardData?.getData("text/plain") ?? "").split("\n").length;
    if (lines <= most) return;
    event.preventDefault();
    event.stopPropagation();
    say(`${lines.toLocaleString()} rows were pasted; at most ${most.toLocaleString()} are registered at once. Split them into parts.`, true);
  }, true);
})();
