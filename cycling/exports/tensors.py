"""Compiled tensors: the half-cycles of a frozen dataset as safetensors shards.

Made cell by cell with flat memory::

    compiler = TensorCompiler(options, write_shard)
    for cell in cells:
        compiler.add(cell, groups, half_cycles, curves)
    manifest = compiler.finish(selection)

Equal input gives equal bytes. There is no pickle: a shard is a safetensors file, the
manifest is JSON and says what each tensor means. Database keys never enter.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import save

from cycling.curves import Curve, on_current_grid, on_voltage_grid
from cycling.exports.tensor_schema import TENSORS, described

FORMAT = "battery_db.tensors"
FORMAT_VERSION = 1
SPLITS = ("train", "validation", "test")
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Component:
    """One molecule of an electrolyte; ``amount`` None means unknown."""

    molecule: str
    role: str
    amount: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Cell:
    """What is known of a cell beside its cycles; empty text means unknown."""

    cell_id: int
    name: str = ""
    electrolyte: str = ""
    components: tuple[Component, ...] = ()
    dry_cell: str = ""
    theoretical_capacity_ah: float | None = None


@dataclass(frozen=True, slots=True)
class CellGroup:
    """A ``CycleGroup``; ``key`` is what the ``group_id`` column of the half-cycles says."""

    key: int
    polarity: str
    number: int
    irregular: bool
    centre: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Options:
    """What shapes the tensors. Equal options and input give equal bytes."""

    voltage_minimum: float = 2.5
    voltage_maximum: float = 4.5
    voltage_points: int = 48
    # Shares of the constant current at which a voltage hold is read.
    current_fractions: tuple[float, ...] = (1.0, 0.7, 0.5, 0.35, 0.25, 0.18, 0.12, 0.08)
    cells_per_shard: int = 50
    rows_per_shard: int = 200_000
    split_seed: int = 0
    validation_share: float = 0.15
    test_share: float = 0.15

    def voltage_grid(self) -> NDArray[np.float64]:
        return np.linspace(self.voltage_minimum, self.voltage_maximum, self.voltage_points)


@dataclass(frozen=True, slots=True)
class ShardFile:
    """One written shard; ``cells`` are Cell IDs."""

    number: int
    bytes: int
    sha256: str
    rows: int
    cells: tuple[int, ...]


WriteShard = Callable[[int, bytes], None]


def options_for(lowest_volt: float | None, highest_volt: float | None, **changes: Any) -> Options:
    """Options whose voltage grid holds a dataset's end voltages, in steps of 50 mV."""
    if lowest_volt is None or highest_volt is None:
        return Options(**changes)
    low = np.floor(round(lowest_volt / 0.05, 6)) * 0.05
    high = np.ceil(round(highest_volt / 0.05, 6)) * 0.05
    return Options(
        voltage_minimum=round(float(low), 2),
        voltage_maximum=round(float(max(high, low + 0.05)), 2),
        **changes,
    )


def split_of(cell_id: int, options: Options) -> str:
    """The split a cell is in, for ever: adding cells to a dataset moves none."""
    digest = hashlib.sha256(f"{options.split_seed}:{cell_id}".encode()).digest()
    draw = int.from_bytes(digest[:8], "big") / 2**64
    if draw < options.test_share:
        return "test"
    return "validation" if draw < options.test_share + options.validation_share else "train"


class TensorCompiler:
    """Collects cells and writes a shard whenever enough have come together."""

    def __init__(self, options: Options, write_shard: WriteShard) -> None:
        self.options = options
        self._write_shard = write_shard
        self._cells: list[dict[str, Any]] = []
        self._groups: list[dict[str, Any]] = []
        self._shards: list[ShardFile] = []
        self._pending: list[tuple[int, dict[str, Array]]] = []

    def add(
        self,
        cell: Cell,
        groups: Sequence[CellGroup],
        half_cycles: pl.DataFrame,
        curves: Iterable[Curve | None],
    ) -> None:
        """Add one cell; call in a fixed order, by Cell ID.

        ``half_cycles`` has the columns of ``HalfCycleQuerySet.as_frame`` in order of
        time, perhaps with ``dataset_mask`` where several datasets are compiled, and ``curves`` yields one curve for each of its rows (None: no points).
        """
        first_group = len(self._groups)
        ordered = sorted(groups, key=lambda group: (group.polarity, group.number))
        index_of = {group.key: first_group + place for place, group in enumerate(ordered)}
        self._groups += [
            {"index": index_of[group.key], "cell_id": cell.cell_id, **_group_as_json(group)}
            for group in ordered
        ]
        tensors = _tensors(len(self._cells), cell, index_of, half_cycles)
        tensors |= _curve_tensors(half_cycles, curves, self.options)
        self._cells.append(
            {
                "index": len(self._cells),
                "split": split_of(cell.cell_id, self.options),
                "rows": half_cycles.height,
                **asdict(cell),
                "components": sorted(map(asdict, cell.components), key=_component_key),
            }
        )
        self._pending.append((cell.cell_id, tensors))
        rows = sum(len(part["cell_index"]) for _, part in self._pending)
        if len(self._pending) >= self.options.cells_per_shard or (
            rows >= self.options.rows_per_shard
        ):
            self._flush()

    def finish(self, selection: Mapping[str, Any]) -> dict[str, Any]:
        """Write what is left and return the manifest, which is plain JSON.

        ``selection`` is what was frozen: its digest identifies the tensors, and its
        ``dataset``, ``datasets`` and ``versions`` are repeated in the manifest.
        """
        self._flush()
        molecules = sorted({c["molecule"] for cell in self._cells for c in cell["components"]})
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "dataset": selection.get("dataset", ""),
            "datasets": _datasets_as_json(selection),
            "selection_sha256": digest_of(selection),
            "versions": dict(selection.get("versions", {})),
            "options": asdict(self.options),
            "grids": {
                "voltage_volt": self.options.voltage_grid().round(6).tolist(),
                "current_fraction": list(self.options.current_fractions),
            },
            "tensors": described(self.options.voltage_points, len(self.options.current_fractions)),
            "molecules": [{"id": i, "name": name} for i, name in enumerate(molecules)],
            "electrolytes": electrolytes_of(self._cells, molecules),
            "dry_cells": [
                {"id": place, "name": name}
                for place, name in enumerate(_names(self._cells, "dry_cell"))
            ],
            "cells": _cells_as_json(self._cells, molecules, self._shards),
            "groups": self._groups,
            "splits": _splits_as_json(self._cells, self.options),
            "shards": [{**asdict(shard), "cells": list(shard.cells)} for shard in self._shards],
        }

    def _flush(self) -> None:
        if not self._pending:
            return
        parts = [part for _, part in self._pending]
        content = encode({name: np.concatenate([p[name] for p in parts]) for name in parts[0]})
        number = len(self._shards)
        self._write_shard(number, content)
        self._shards.append(
            ShardFile(
                number=number,
                bytes=len(content),
                sha256=hashlib.sha256(content).hexdigest(),
                rows=sum(len(part["cell_index"]) for part in parts),
                cells=tuple(cell_id for cell_id, _ in self._pending),
            )
        )
        self._pending = []


def encode(tensors: Mapping[str, Array]) -> bytes:
    """A safetensors file: the same arrays always give the same bytes."""
    ordered = {
        name: np.ascontiguousarray(tensors[name].astype(TENSORS[name].dtype, copy=False))
        for name in sorted(tensors)
    }
    return save(ordered)


def digest_of(selection: Mapping[str, Any]) -> str:
    canonical = json.dumps(selection, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _tensors(
    cell_index: int, cell: Cell, index_of: Mapping[int, int], halves: pl.DataFrame
) -> dict[str, Array]:
    """The scalars of each half-cycle. Rates need the cell's theoretical capacity."""
    size = halves.height
    capacity = cell.theoretical_capacity_ah or np.nan
    charging = (halves["polarity"] == "charge").to_numpy()
    groups = [index_of.get(key, -1) if key is not None else -1 for key in halves["group_id"]]
    return {
        "cell_index": np.full(size, cell_index),
        "cycle": halves["cycle"].to_numpy(),
        "polarity": np.where(charging, 1, -1),
        "group_index": np.array(groups, dtype=np.int32),
        "dataset_mask": _masks(halves),
        "is_complete": halves["is_complete"].to_numpy(),
        "constant_rate": _column(halves, "constant_current_ampere") / capacity,
        "end_rate": _column(halves, "end_current_ampere") / capacity,
        "previous_end_rate": _column(halves, "previous_end_current_ampere") / capacity,
        "previous_constant_rate": _column(halves, "previous_constant_current_ampere") / capacity,
        "end_voltage": _column(halves, "end_voltage_volt"),
        "previous_end_voltage": _column(halves, "previous_end_voltage_volt"),
        "constant_current": _column(halves, "constant_current_ampere"),
        "temperature": _column(halves, "mean_temperature_celsius"),
        "capacity": _column(halves, "capacity_ah"),
        "energy": _column(halves, "energy_wh"),
        "duration": _column(halves, "duration_second"),
        "start_time": _column(halves, "start_time_second"),
    }


def _masks(halves: pl.DataFrame) -> NDArray[np.int64]:
    if "dataset_mask" in halves.columns:
        return halves["dataset_mask"].to_numpy()
    return np.ones(halves.height, dtype=np.int64)


def _column(frame: pl.DataFrame, name: str) -> NDArray[np.float64]:
    return frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _curve_tensors(
    halves: pl.DataFrame, curves: Iterable[Curve | None], options: Options
) -> dict[str, Array]:
    """Curves on the common grids; what is masked out is 0, never NaN."""
    size = halves.height
    fractions = np.array(options.current_fractions)
    widths = {"cc": options.voltage_points, "cv": len(fractions)}
    tensors: dict[str, Array] = {}
    for part, width in widths.items():
        tensors[f"{part}_capacity"] = np.zeros((size, width), dtype=np.float32)
        tensors[f"{part}_time"] = np.zeros((size, width), dtype=np.float32)
        tensors[f"{part}_mask"] = np.zeros((size, width), dtype=np.uint8)
    grid = options.voltage_grid()
    rows = zip(halves["polarity"], halves["constant_current_ampere"], curves, strict=True)
    for row, (polarity, ampere, curve) in enumerate(rows):
        if curve is None or not len(curve):
            continue
        found = {
            "cc": on_voltage_grid(curve, grid, polarity),
            "cv": on_current_grid(curve, ampere or 0.0, fractions),
        }
        for part, on_grid in found.items():
            tensors[f"{part}_mask"][row] = on_grid.mask
            tensors[f"{part}_capacity"][row] = np.where(on_grid.mask, on_grid.capacity_ah, 0.0)
            tensors[f"{part}_time"][row] = np.where(on_grid.mask, on_grid.time_second, 0.0)
    return tensors


def _component_key(component: Mapping[str, Any]) -> tuple[str, str]:
    return component["role"], component["molecule"]


def _datasets_as_json(selection: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The datasets in the order of the bits of ``dataset_mask``, with their own names of cells."""
    one = {"name": selection.get("dataset", ""), "cells": selection.get("cells", [])}
    return [
        {
            "index": place,
            "name": part["name"],
            "cells": [{"cell_id": cell["cell_id"], "name": cell["name"]} for cell in part["cells"]],
        }
        for place, part in enumerate(selection.get("datasets", [one]))
    ]


def _group_as_json(group: CellGroup) -> dict[str, Any]:
    return {
        "polarity": group.polarity,
        "number": group.number,
        "irregular": group.irregular,
        "centre": dict(sorted(group.centre.items())),
    }


def _cells_as_json(
    cells: list[dict[str, Any]], molecules: list[str], shards: list[ShardFile]
) -> list[dict[str, Any]]:
    """Cells with the shard and rows that hold them, and molecules as integer ids."""
    electrolytes, dry_cells = _names(cells, "electrolyte"), _names(cells, "dry_cell")
    place = {cell_id: shard.number for shard in shards for cell_id in shard.cells}
    first_row: dict[int, int] = {}
    described_cells = []
    for cell in cells:
        shard = place[cell["cell_id"]]
        start = first_row.get(shard, 0)
        first_row[shard] = start + cell["rows"]
        components = _component_ids(cell["components"], molecules)
        described_cells.append(
            {**cell, "components": components, "shard": shard, "first_row": start}
            | _entities(cell, electrolytes, dry_cells)
        )
    return described_cells


def _component_ids(
    components: Iterable[Mapping[str, Any]], molecules: list[str]
) -> list[dict[str, Any]]:
    return [
        {
            "molecule": molecules.index(each["molecule"]),
            **{key: each[key] for key in ("role", "amount", "unit")},
        }
        for each in components
    ]


def electrolytes_of(cells: list[dict[str, Any]], molecules: list[str]) -> list[dict[str, Any]]:
    """Each electrolyte once, with its components as ids of molecules."""
    parts = {cell["electrolyte"]: cell["components"] for cell in reversed(cells)}
    return [
        {"id": place, "name": name, "components": _component_ids(parts[name], molecules)}
        for place, name in enumerate(_names(cells, "electrolyte"))
    ]


def _names(cells: list[dict[str, Any]], key: str) -> list[str]:
    return sorted({cell[key] for cell in cells if cell[key]})


def _entities(
    cell: Mapping[str, Any], electrolytes: list[str], dry_cells: list[str]
) -> dict[str, Any]:
    """Ids in the manifest's lists (None: unknown), and what of the cell is known.

    A composition is known when the electrolyte has components and each has an amount.
    """
    parts = cell["components"]
    return {
        "electrolyte_id": electrolytes.index(cell["electrolyte"]) if cell["electrolyte"] else None,
        "dry_cell_id": dry_cells.index(cell["dry_cell"]) if cell["dry_cell"] else None,
        "known": {
            "electrolyte": bool(cell["electrolyte"]),
            "composition": bool(parts) and all(part["amount"] is not None for part in parts),
            "dry_cell": bool(cell["dry_cell"]),
            "theoretical_capacity": cell["theoretical_capacity_ah"] is not None,
        },
    }


def _splits_as_json(cells: list[dict[str, Any]], options: Options) -> dict[str, Any]:
    return {
        "group_key": "cell_id",
        "method": "first 8 bytes of sha256('<seed>:<cell_id>') as a share of 2**64: "
        "below test_share test, then validation_share validation, else train",
        "seed": options.split_seed,
        **{
            split: [cell["cell_id"] for cell in cells if cell["split"] == split] for split in SPLITS
        },
    }
