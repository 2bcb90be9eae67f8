"""What a person asks of the cycling data of a cell: look at it, refresh it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from django.db import transaction
from django.db.models import Avg, Sum

from battery_db.lib.errors import LabError
from battery_db.lib.ranges import format_ranges, parse_ranges
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import FileMetadata
from cycling.curves import voltage_curve
from cycling.differential import differential_capacity
from cycling.labels import group_label
from cycling.models import CellState, CycleGroup, CyclingTest, HalfCycle, Polarity
from cycling.plots import Points, thinned
from cycling.quantities import Quantity, with_quantity
from cycling.services.stored_series import read_stored

CYCLES_AT_ONCE = 16
LARGEST_CAPACITY_AH = 1e6
POINTS_PER_CURVE = 1500
POINTS_PER_FIGURE = 4000
# Columns that a file lacks are passed over.
CURVE_COLUMNS = (
    "test_time_second",
    "voltage_volt",
    "current_ampere",
    "step_count",
    "step_time_second",
)


@dataclass(frozen=True, slots=True)
class KeyNumbers:
    """The line of numbers at the head of a cell's cycling panel."""

    cycles: int
    first_cycle: int | None
    last_cycle: int | None
    first_capacity_ah: float | None
    last_capacity_ah: float | None
    capacity_retention: float | None  # last over first, within the largest discharge group
    temperature_celsius: float | None  # measured, else as the file names say


def request_refresh(cell_id: int, *, by: Any, trigger: str) -> Job:
    """Import what is new of one cell's files and group it again, as a job."""
    return engine.enqueue(
        "cycling.refresh_cell",
        {"cell_id": cell_id},
        trigger=trigger,
        by=by,
        title=f"Import and group cell {cell_id}",
        key=f"cycling.refresh_cell:{cell_id}",
    )


def cell_frame(cell_id: int) -> pl.DataFrame:
    """Half-cycles of a cell in use and not left out, as ``HalfCycleQuerySet.as_frame``."""
    return HalfCycle.objects.of_cell(cell_id).filter(excluded=False).as_frame()


def key_numbers(cell_id: int) -> KeyNumbers:
    """First and last capacities are of the cell's most common kind of discharge."""
    frame = cell_frame(cell_id)
    discharges = frame.filter(polarity=Polarity.DISCHARGE, is_complete=True)
    if discharges.is_empty():
        first, last = frame["cycle"].min(), frame["cycle"].max()
        numbers = (frame["cycle"].n_unique(), first, last, None, None, None)
        return KeyNumbers(*numbers, _temperature(cell_id, frame))  # type: ignore[arg-type]
    main = discharges["group_id"].drop_nulls().mode()
    alike = discharges.filter(group_id=main.min()) if len(main) else discharges
    first, last = alike["capacity_ah"][0], alike["capacity_ah"][-1]
    return KeyNumbers(
        cycles=discharges["cycle"].n_unique(),
        first_cycle=frame["cycle"].min(),  # type: ignore[arg-type]
        last_cycle=frame["cycle"].max(),  # type: ignore[arg-type]
        first_capacity_ah=first,
        last_capacity_ah=last,
        capacity_retention=last / first if first else None,
        temperature_celsius=_temperature(cell_id, frame),
    )


def _temperature(cell_id: int, frame: pl.DataFrame) -> float | None:
    measured = frame["mean_temperature_celsius"].mean()
    if measured is not None:
        return float(measured)  # type: ignore[arg-type]
    named = FileMetadata.objects.filter(cell_id=cell_id, is_valid=True, file__deprecated=False)
    value = named.exclude(temperature_celsius=None).aggregate(mean=Avg("temperature_celsius"))
    mean: float | None = value["mean"]
    return mean


def points_by_group(
    cell_id: int, quantity: Quantity, span: tuple[float, float] | None = None
) -> list[Points]:
    """``quantity`` against cycle number: an entry per group, largest first, then the rest.

    All of them together are thinned to what a screen can show; a ``span`` of cycles
    looks closer.
    """
    frame = with_quantity(cell_frame(cell_id), quantity).drop_nulls("y")
    if span is not None:
        frame = frame.filter(pl.col("cycle").is_between(*span))
    return thinned(_by_group(cell_id, frame), POINTS_PER_FIGURE)


def _by_group(cell_id: int, frame: pl.DataFrame) -> Iterator[Points]:
    groups = list(CycleGroup.objects.filter(cell_id=cell_id).order_by("number"))
    for group in groups:
        rows = frame.filter(pl.col("group_id") == group.pk).sort("cycle")
        if rows.height and not group.irregular:
            yield Points(label_of(group), rows["cycle"].to_numpy(), rows["y"].to_numpy())
    irregular = pl.col("group_id").is_in([group.pk for group in groups if group.irregular])
    # A file that was about another cell until today still has that cell's groups.
    grouped = pl.col("group_id").is_in([group.pk for group in groups]).fill_null(value=False)
    for name, rows in (
        ("irregular", frame.filter(irregular)),
        ("not grouped yet", frame.filter(~grouped)),
    ):
        if rows.height:
            yield Points(name, rows["cycle"].to_numpy(), rows["y"].to_numpy(), irregular=True)


def name_group(cell_id: int, group_id: int, name: str, *, by: Any = None) -> CycleGroup:
    """Give a group the name that people use; an empty one goes back to what drove it."""
    with transaction.atomic():
        rows = CycleGroup.objects.select_for_update()
        group = rows.filter(pk=group_id, cell=cell_id).first()
        if group is None:
            raise LabError(
                "This group is gone.", fix="Reload the page: the cycles were grouped anew."
            )
        before, group.name = group.name, " ".join(name.split())[:60]
        if group.name != before:
            group.save(update_fields=["name"])
            note(cell_id, f"{group} named {group.name!r}", by)
    return group


def note(cell_id: int, told: str, by: Any = None) -> CellState:
    """Write a line into the history of a cell's state: half-cycles and groups have none.

    Call it within a transaction.
    """
    state, _ = CellState.objects.select_for_update().get_or_create(pk=cell_id)
    state._history_user = by  # type: ignore[attr-defined]
    state._change_reason = told[:100]  # type: ignore[attr-defined]
    state.save()
    return state


def label_of(group: CycleGroup) -> str:
    if group.name:
        return group.name
    return group_label(
        group.number,
        constant_rate=group.constant_rate,
        end_rate=group.end_rate,
        end_voltage=group.end_voltage,
        previous_end_voltage=group.previous_end_voltage,
        irregular=group.irregular,
    )


def groups_are_current(cell_id: int) -> bool:
    """Each half-cycle is in a group of this cell, and each group still has its members."""
    halves = HalfCycle.objects.of_cell(cell_id)
    members = CycleGroup.objects.filter(cell_id=cell_id).aggregate(n=Sum("size"))["n"] or 0
    grouped = halves.filter(group__cell_id=cell_id).count()
    return bool(members == grouped == halves.count())


def suggested_cycles(cell_id: int) -> str:
    """Five cycles spread over the life of the most common discharge, for a first look."""
    whole = cell_frame(cell_id).filter(is_complete=True)
    frame = whole.filter(polarity=Polarity.DISCHARGE)
    if frame.is_empty():
        frame = whole  # of a cell that was only charged, its charges
    main = frame["group_id"].drop_nulls().mode()
    if len(main):
        frame = frame.filter(group_id=main.min())
    cycles = frame["cycle"].unique().sort()
    if cycles.is_empty():
        return ""
    places = np.unique(np.linspace(0, len(cycles) - 1, 5).round().astype(int))
    return format_ranges(cycles.gather(places).to_list())


def voltage_curves(
    cell_id: int, cycles: str, *, differential: bool = False
) -> list[tuple[int, str, Points]]:
    """Cycle, polarity and voltage against capacity of the cycles that ``cycles`` names;
    with ``differential`` dQ/dV (Ah/V) against voltage.

    Raises LabError when nothing is named, too much is, or no such cycle is there.
    """
    wanted = parse_ranges(cycles)
    if not wanted:
        raise LabError(
            "No cycle is chosen.", fix="Write cycle numbers, for example 2, 50, 100-102."
        )
    if len(wanted) > CYCLES_AT_ONCE:
        raise LabError(
            f"{len(wanted)} cycles are chosen; {CYCLES_AT_ONCE} can be read in one plot.",
            fix="Choose fewer cycles.",
        )
    frame = cell_frame(cell_id).filter(pl.col("cycle").is_in(wanted))
    if frame.is_empty():
        raise LabError(
            f"Cell {cell_id} has no cycle {format_ranges(wanted)}.",
            fix="Choose cycles within the range shown above the plot.",
        )
    found = []
    for row, points in half_cycle_series(frame):
        line = _line(points, row, differential=differential)
        found.append((row["cycle"], row["polarity"], line))
    return found


def _line(points: pl.DataFrame, row: dict[str, Any], *, differential: bool) -> Points:
    name = f"cycle {row['cycle']}, {row['polarity']}"
    if differential:
        slope = differential_capacity(voltage_curve(points, row["polarity"]), row["polarity"])
        return Points(name, slope.voltage_volt, slope.capacity_per_volt)
    curve = voltage_curve(points, row["polarity"], POINTS_PER_CURVE)
    return Points(name, curve.capacity_ah, curve.voltage_volt)


def half_cycle_series(frame: pl.DataFrame) -> Iterator[tuple[dict[str, Any], pl.DataFrame]]:
    """Each row of ``frame`` with its points; only the row groups of its cycle are read."""
    tests = CyclingTest.objects.exclude(series_name="").in_bulk(frame["test_id"].unique().to_list())
    for row in frame.iter_rows(named=True):
        test = tests.get(row["test_id"])
        if test is None:
            continue
        rows = (row["first_row"], row["last_row"] + 1)
        yield row, read_stored(test, CURVE_COLUMNS, rows=rows)


def set_capacity(cell_id: int, capacity_ah: float | None, *, by: Any = None) -> CellState:
    """Set by hand what C-rates of a cell refer to, or with None leave it to the grouping.

    Its cycles are grouped by the new rates the next night, or when asked for.
    """
    if capacity_ah is not None and not 0 < capacity_ah < LARGEST_CAPACITY_AH:
        raise LabError(
            f"A theoretical capacity of {capacity_ah:g} Ah can not be.",
            fix="Give a positive number of ampere hours, or nothing to have it found.",
        )
    state, _ = CellState.objects.get_or_create(pk=cell_id)
    state.capacity_is_manual = capacity_ah is not None
    if capacity_ah is not None:
        state.theoretical_capacity_ah = capacity_ah
    state._history_user = by  # type: ignore[attr-defined]
    state.save()
    return state
