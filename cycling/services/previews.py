"""What a dataset's cells were driven by, and how many cycles a filter would catch."""

import hashlib
import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl
from django.core.cache import cache
from django.db.models import Count, Max

from cells.models import Dataset, FilterRange
from cycling.exports.csv_folder import Range, matches
from cycling.labels import group_label
from cycling.models import CellState, CycleGroup, HalfCycle
from cycling.services import datasets as selections

KEPT_SECONDS = 120
GROUPS_SHOWN = 30
# Keeps cycles of different cells apart in one column; no cell lives a hundred million.
CELL_FACTOR = 100_000_000
COLUMNS = (
    "constant_current_ampere",
    "end_current_ampere",
    "previous_end_current_ampere",
    "previous_constant_current_ampere",
    "end_voltage_volt",
    "previous_end_voltage_volt",
)


@dataclass(frozen=True, slots=True)
class GroupSummary:
    """Groups of several cells that a person would call by one name."""

    polarity: str
    label: str
    cells: int
    half_cycles: int
    caught: int
    box: Mapping[str, tuple[float, float]]

    @property
    def as_limits(self) -> str:
        """The box as JSON for the page's "use" button: field name -> value."""
        return json.dumps(
            {
                f"{self.polarity}-{attribute}-{end}": float(f"{value:.4g}")
                for attribute, limits in self.box.items()
                for end, value in zip(("minimum", "maximum"), limits, strict=True)
            }
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """How many cycles of which cell a filter catches, and of which groups."""

    caught: int
    total: int
    by_cell: tuple[tuple[str, int, int], ...]  # name, caught, cycles
    groups: tuple[GroupSummary, ...]
    others: tuple[tuple[str, int, int], ...]  # other filter, its cycles, those in both


def preview(
    dataset: Dataset, ranges: Iterable[Range], cell_ids: Iterable[int], *, but: int | None = None
) -> Preview:
    """Preview a filter that is not saved yet; ``but`` is the id of the one being edited."""
    frame = _frame(dataset)
    members = {member.wet_cell.cell_id: str(member) for member in selections.members_of(dataset)}
    chosen = set(cell_ids) or set(members)
    inside = frame.filter(pl.col("cell_id").is_in(list(chosen)))
    caught = matches(inside, ranges, 1.0)
    cycles = _cycles(caught)
    return Preview(
        caught=len(cycles),
        total=len(_cycles(inside)),
        by_cell=tuple(_by_cell(inside, caught, members, chosen)),
        groups=tuple(_groups(frame, caught)[:GROUPS_SHOWN]),
        others=tuple(_others(dataset, frame, cycles, but)),
    )


def _frame(dataset: Dataset) -> pl.DataFrame:
    """Half-cycles of all cells with C-rates in the columns of currents; kept for a while,
    as each key that somebody types asks for it.
    """
    cell_ids = selections.cell_ids_of(dataset)
    states = CellState.objects.filter(pk__in=dataset.memberships.values("wet_cell__cell_id"))
    capacities = dict(states.values_list("pk", "theoretical_capacity_ah"))
    halves = HalfCycle.objects.in_use().filter(
        excluded=False, test__file__metadata__cell_id__in=cell_ids
    )
    state = halves.aggregate(n=Count("pk"), last=Max("pk"), groups=Max("group"))
    key = json.dumps([sorted(cell_ids), sorted(capacities.items()), state])
    key = "cycling-preview:" + hashlib.sha256(key.encode()).hexdigest()
    kept = cache.get(key)
    if kept is not None:
        return pl.read_ipc(io.BytesIO(kept))
    cell = "test__file__metadata__cell_id"
    rows = halves.with_cycle().values_list(cell, "cycle", "polarity", "group_id", *COLUMNS)
    schema: dict[str, pl.DataType] = {
        "cell_id": pl.Int64(),
        "cycle": pl.Int64(),
        "polarity": pl.String(),
        "group_id": pl.Int64(),
        **dict.fromkeys(COLUMNS, pl.Float64()),
    }
    frame = pl.DataFrame(list(rows.iterator(chunk_size=5000)), schema=schema, orient="row")
    ampere_hours = pl.col("cell_id").replace_strict(
        {cell_id: capacity for cell_id, capacity in capacities.items() if capacity},
        default=None,
        return_dtype=pl.Float64,
    )
    frame = frame.with_columns(
        pl.col("cycle") + pl.col("cell_id") * CELL_FACTOR,
        *(pl.col(name) / ampere_hours for name in COLUMNS if name.endswith("ampere")),
    )
    buffer = io.BytesIO()
    frame.write_ipc(buffer)
    cache.set(key, buffer.getvalue(), KEPT_SECONDS)
    return frame


def _cycles(frame: pl.DataFrame) -> set[int]:
    return set(frame["cycle"].unique().to_list())


def _by_cell(
    inside: pl.DataFrame, caught: pl.DataFrame, names: Mapping[int, str], chosen: set[int]
) -> Iterable[tuple[str, int, int]]:
    counts, totals = (
        dict(frame.group_by("cell_id").agg(pl.col("cycle").n_unique()).rows())
        for frame in (caught, inside)
    )
    for cell_id, name in names.items():
        if cell_id in chosen:
            yield name, counts.get(cell_id, 0), totals.get(cell_id, 0)


def _groups(frame: pl.DataFrame, caught: pl.DataFrame) -> list[GroupSummary]:
    sizes = dict(frame.group_by("group_id").len().rows())
    hits = dict(caught.group_by("group_id").len().rows())
    alike: dict[tuple[str, str], list[CycleGroup]] = {}
    known = CycleGroup.objects.filter(cell__in=frame["cell_id"].unique().to_list(), irregular=False)
    for group in known:
        alike.setdefault((group.polarity, _label(group)), []).append(group)
    summaries = [
        GroupSummary(
            polarity,
            label,
            len({group.cell_id for group in groups}),
            sum(sizes.get(group.pk, 0) for group in groups),
            sum(hits.get(group.pk, 0) for group in groups),
            _box([group.box for group in groups]),
        )
        for (polarity, label), groups in alike.items()
    ]
    return sorted(summaries, key=lambda each: (-each.half_cycles, each.polarity, each.label))


def _label(group: CycleGroup) -> str:
    text = group_label(
        0,
        constant_rate=group.constant_rate,
        end_rate=group.end_rate,
        end_voltage=group.end_voltage,
        previous_end_voltage=group.previous_end_voltage,
    )
    return text.partition(": ")[2]


def _box(boxes: list[Mapping[str, list[float]]]) -> dict[str, tuple[float, float]]:
    """The box around all boxes, widened a little: 3 % of a rate, 10 mV of a voltage."""
    found: dict[str, tuple[float, float]] = {}
    for attribute in FilterRange.Attribute.values:
        limits = [box[attribute] for box in boxes if attribute in box]
        if limits and len(limits) == len(boxes):
            low, high = min(low for low, _ in limits), max(high for _, high in limits)
            volts = attribute.endswith("voltage")
            found[attribute] = (low - 0.01, high + 0.01) if volts else (low / 1.03, high * 1.03)
    return found


def _others(
    dataset: Dataset, frame: pl.DataFrame, cycles: set[int], but: int | None
) -> Iterable[tuple[str, int, int]]:
    for row in selections.filters_of(dataset):
        if row.pk == but:
            continue
        cells = [member.wet_cell.cell_id for member in row.cells.all()]
        own = frame.filter(pl.col("cell_id").is_in(cells)) if cells else frame
        found = _cycles(selections.matching(own, row, 1.0))
        yield row.name, len(found), len(found & cycles)
