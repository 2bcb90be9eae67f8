"""The files of an export, one format each: path parts and content, cell by cell."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import polars as pl
from django.utils import timezone

from cells.models import Dataset, DatasetFilter
from cells.services.interchange import battinfo_of
from cycling.curves import voltage_curve
from cycling.differential import differential_capacity
from cycling.exports import battery_ml, ro_crate, tables
from cycling.exports.archives import File
from cycling.exports.csv_folder import as_csv, folder_name
from cycling.exports.tensors import digest_of
from cycling.models import CyclingTest, DatasetExport
from cycling.services import cells as series
from cycling.services import datasets as selections
from cycling.services.selections import CellRows, cells_of
from cycling.services.stored_series import stored_parquet

Writer = Callable[[Dataset], Iterator[File]]


def csv_files(dataset: Dataset) -> Iterator[File]:
    """dataset/cell/filter.csv, and dQ/dV where a filter asks for it (thesis 5.3.7)."""
    top = folder_name(dataset.name)
    for cell in cells_of(dataset):
        for name, table in cell.tables():
            yield (top, cell.folder, f"{folder_name(name)}.csv"), as_csv(table)
        for name, chosen, rows in cell.selected:
            if chosen is not None and chosen.differential:
                yield from _differential(top, cell, name, chosen.differential, rows)


def _differential(
    top: str, cell: CellRows, name: str, layout: str, rows: pl.DataFrame
) -> Iterator[File]:
    slopes = [
        (row["cycle"], row["polarity"], slope)
        for row, points in series.half_cycle_series(rows)
        if len(
            (
                slope := differential_capacity(
                    voltage_curve(points, row["polarity"]), row["polarity"]
                )
            ).voltage_volt
        )
    ]
    kinds = DatasetFilter.Differential
    if layout in (kinds.TABLE, kinds.BOTH) and slopes:
        table = tables.differential_table(slopes)
        yield (top, cell.folder, f"{folder_name(name + ' dQ/dV')}.csv"), as_csv(table)
    if layout in (kinds.FILES, kinds.BOTH):
        yield from tables.differential_files((top, cell.folder, folder_name(name)), slopes)


def parquet_files(dataset: Dataset) -> Iterator[File]:
    """The same tables as Parquet."""
    top = folder_name(dataset.name)
    for cell in cells_of(dataset):
        for name, table in cell.tables():
            yield (top, cell.folder, f"{folder_name(name)}.parquet"), tables.as_parquet(table)


def workbook_files(dataset: Dataset) -> Iterator[File]:
    """A workbook per cell with a sheet per filter."""
    top = folder_name(dataset.name)
    for cell in cells_of(dataset):
        if sheets := list(cell.tables()):
            yield (top, f"{cell.folder}.xlsx"), tables.as_workbook(sheets)


def bdf_files(dataset: Dataset) -> Iterator[File]:
    """Every record of the files of each cell in BDF columns, with a sidecar that explains it."""
    top = folder_name(dataset.name)
    for cell in cells_of(dataset):
        for name, content in _records(cell):
            yield (top, cell.folder, name), content


def _records(cell: CellRows) -> Iterator[tuple[str, bytes]]:
    ids = cell.frame["test_id"].unique(maintain_order=True).to_list()
    tests = CyclingTest.objects.exclude(series_name="").select_related("file").in_bulk(ids)
    for place, test_id in enumerate(ids, 1):
        if (test := tests.get(test_id)) is None:
            continue
        stem = f"{folder_name(test.file.name.rpartition('.')[0] or test.file.name)} {place}"
        yield f"{stem}.bdf.parquet", stored_parquet(test)
        yield f"{stem}.bdf.metadata.json", _sidecar(test, cell)


def _sidecar(test: CyclingTest, cell: CellRows) -> bytes:
    return json.dumps(
        {
            "conformsTo": ro_crate.BDF,
            "cell_id": cell.cell_id,
            "cell_name": cell.member.name,
            "file": test.file.name,
            "file_sha256": test.sha256,
            "reader": f"{test.format_name} {test.reader_version}",
            "current_sign": "positive charges the cell",
            "started_at": test.started_at.isoformat() if test.started_at else None,
            "rows": test.row_count,
            "findings": [finding["text"] for finding in test.findings],
            "theoretical_capacity_ah": cell.capacity_ah,
        },
        indent=2,
    ).encode()


def crate_files(dataset: Dataset) -> Iterator[File]:
    """RO-Crate 1.2: the CSV tables, the records in BDF, the selection, and what they are."""
    files: list[ro_crate.FileEntity] = []
    cells: list[ro_crate.CellEntity] = []

    def add(parts: tuple[str, ...], content: bytes, cell_id: int | None, about: str) -> File:
        files.append(ro_crate.described("/".join(parts), content, cell_id, about))
        return parts, content

    for cell in cells_of(dataset):
        cells.append(_entity(cell))
        if cells[-1].battinfo:
            document = json.dumps(cells[-1].battinfo, indent=2, ensure_ascii=False).encode()
            path = tuple(ro_crate.cell_document(cell.cell_id).split("/"))
            yield add(path, document, cell.cell_id, "The cell in BattINFO's terms.")
        for name, table in cell.tables():
            parts = ("data", cell.folder, f"{folder_name(name)}.csv")
            yield add(parts, as_csv(table), cell.cell_id, f"Summary per cycle: {name}.")
        for name, content in _records(cell):
            about = "Records in BDF columns." if name.endswith("parquet") else "About the records."
            yield add(("data", cell.folder, name), content, cell.cell_id, about)
    if not files:
        return
    selection = selections.selection_of(dataset)
    frozen = json.dumps(selection, indent=2, sort_keys=True).encode()
    yield add(("selection.json",), frozen, None, "Cells, filters, files and exclusions.")
    crate = ro_crate.Crate(
        dataset.name,
        dataset.description,
        timezone.now(),
        dataset.licence,
        str(dataset.created_by or ""),
        digest_of(selection),
    )
    yield (ro_crate.METADATA,), ro_crate.metadata(crate, cells, files)


def _entity(cell: CellRows) -> ro_crate.CellEntity:
    wet_cell = cell.member.wet_cell
    return ro_crate.CellEntity(
        cell.cell_id,
        cell.member.name or f"Cell {cell.cell_id}",
        str(wet_cell.electrolyte or ""),
        str(wet_cell.dry_cell or ""),
        battinfo_of(wet_cell, f"#cell-{cell.cell_id}"),
    )


def battery_ml_files(dataset: Dataset) -> Iterator[File]:
    """A file per cell for ``BatteryData.load``, with the cycles that a filter lets through."""
    top = folder_name(dataset.name)
    for cell in cells_of(dataset):
        rows = pl.concat([rows for _, _, rows in cell.selected] or [cell.frame.clear()])
        rows = rows.unique("id", maintain_order=True)
        ends = rows["end_voltage_volt"].drop_nulls()
        about = battery_ml.MLCell(
            cell.cell_id,
            cell.member.name,
            str(cell.member.wet_cell.electrolyte or ""),
            cell.capacity_ah,
            *_limits(ends),
        )
        if rows.height:
            content = battery_ml.battery_data(about, _cycles(rows))
            yield (top, f"battery_db_{cell.cell_id}.pkl"), content


def _limits(ends: pl.Series) -> tuple[Any, Any]:
    return (ends.max(), ends.min()) if len(ends) else (None, None)


def _cycles(rows: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """Absolute cycle number and all points from its first half-cycle to its last."""
    spans = rows.group_by("test_id", "cycle", maintain_order=True).agg(
        pl.col("first_row").min(), pl.col("last_row").max()
    )
    for row, points in series.half_cycle_series(spans):
        yield row["cycle"], points


WRITERS: Mapping[str, Writer] = {
    DatasetExport.Format.CSV: csv_files,
    DatasetExport.Format.XLSX: workbook_files,
    DatasetExport.Format.PARQUET: parquet_files,
    DatasetExport.Format.BDF: bdf_files,
    DatasetExport.Format.RO_CRATE: crate_files,
    DatasetExport.Format.BATTERY_ML: battery_ml_files,
}
