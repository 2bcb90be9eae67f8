"""Groups of a cell's half-cycles, made again only when what they rest on has changed."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import polars as pl
from django.db import transaction
from django.utils import timezone

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from cells.models import WetCell
from cycling.anomalies import ANOMALY_VERSION, anomalies_of
from cycling.groups import GROUPING_VERSION, Group, Grouping, distance, group_half_cycles
from cycling.models import CellState, CycleGroup, CyclingTest, HalfCycle, Polarity
from cycling.services import flags
from cycling.stitching import STITCHING_VERSION, carry_over, find_superseded

Fence = Callable[[], AbstractContextManager[None]]
IDS_PER_UPDATE = 5000
VERSIONS = (GROUPING_VERSION, STITCHING_VERSION, ANOMALY_VERSION)
ATTRIBUTES = (
    "constant_rate",
    "end_rate",
    "previous_end_rate",
    "end_voltage",
    "previous_end_voltage",
)
CARRIED = (
    "previous_constant_current_ampere",
    "previous_end_current_ampere",
    "previous_end_voltage_volt",
)


def stale_cells(cell_ids: Iterable[int] | None = None) -> list[int]:
    """Cells whose groups were not made from what is there now (three queries for all)."""
    found = _fingerprints(cell_ids)
    states = CellState.objects.exclude(grouped_fingerprint="")
    if cell_ids is not None:
        states = states.filter(pk__in=list(cell_ids))
    made = dict(states.values_list("pk", "grouped_fingerprint"))
    changed = [cell_id for cell_id, mark in found.items() if made.get(cell_id) != mark]
    emptied = [cell_id for cell_id in made if cell_id not in found]
    return sorted(changed + emptied)


def group_cells(context: JobContext) -> Done:
    """Job: group ``params["cell_ids"]``."""
    cell_ids: list[int] = context.params["cell_ids"]
    totals: Counter[str] = Counter()
    for index, cell_id in enumerate(cell_ids):
        context.progress(index, len(cell_ids), f"Cell {cell_id}")
        totals.update(group_cell(cell_id, fence=context.fenced))
    return Done(dict(totals))


def bring_up_to_date(cell_ids: Iterable[int], context: JobContext) -> int:
    """Group those of the given cells that have changed since; returns how many there were.

    For work that hands out groups, or attributes carried over from the file before.
    """
    stale = stale_cells(cell_ids)
    for index, cell_id in enumerate(stale):
        context.progress(index, len(stale) + 1, f"Group cell {cell_id}")
        group_cell(cell_id, fence=context.fenced)
    return len(stale)


def group_cell(cell_id: int, fence: Fence = nullcontext) -> dict[str, int]:
    """Group all half-cycles of one cell, in one transaction; repeating it changes nothing.

    A group that keeps most of its members keeps its row, so links to it stay good.
    """
    mark = _fingerprints([cell_id]).get(cell_id, "")
    told = HalfCycle.objects.told().filter(test__file__metadata__cell_id=cell_id).as_frame()
    superseded_by = _superseded_by(told)
    frame = _joined(told.filter([test is None for test in superseded_by]))
    # What the program computes is no change by a person, so it makes no history.
    CellState.objects.bulk_create([CellState(pk=cell_id)], ignore_conflicts=True)
    state = CellState.objects.get(pk=cell_id)
    capacity = theoretical_capacity(state, frame)
    grouping = group_half_cycles(**rates(frame, capacity), polarity=frame["polarity"].to_numpy())
    with fence(), transaction.atomic():
        CellState.objects.filter(pk=cell_id).update(
            theoretical_capacity_ah=capacity, grouped_fingerprint=mark, grouped_at=timezone.now()
        )
        _carry_choices(told, superseded_by)
        _write_superseded(told, superseded_by)
        _write_carried(frame)
        _write_groups(state, _with_previous_rate(frame, capacity), grouping)
        _write_flags(cell_id, frame, grouping)
    return {"cells": 1, "groups": len(grouping.groups), "half_cycles": frame.height}


def theoretical_capacity(state: CellState, frame: pl.DataFrame) -> float | None:
    """What C-rates refer to: a typed value, else the design's nominal capacity, else the
    largest complete discharge of the cell.
    """
    if state.capacity_is_manual and state.theoretical_capacity_ah:
        return state.theoretical_capacity_ah
    nominal = (
        WetCell.objects.filter(cell_id=state.cell_id)
        .values_list("dry_cell__nominal_capacity_ah", flat=True)
        .first()
    )
    if nominal:
        return float(nominal)
    discharges = frame.filter(pl.col("polarity") == Polarity.DISCHARGE)
    largest = discharges["capacity_ah"].max()
    return float(largest) if largest else None  # type: ignore[arg-type]


def rates(frame: pl.DataFrame, capacity_ah: float | None) -> dict[str, Any]:
    """The five attributes: C-rates and volts, NaN where unknown."""
    scale = 1 / capacity_ah if capacity_ah else np.nan
    columns = {
        "constant_rate": ("constant_current_ampere", scale),
        "end_rate": ("end_current_ampere", scale),
        "previous_end_rate": ("previous_end_current_ampere", scale),
        "end_voltage": ("end_voltage_volt", 1.0),
        "previous_end_voltage": ("previous_end_voltage_volt", 1.0),
    }
    return {
        name: frame[column].cast(pl.Float64).fill_null(np.nan).to_numpy() * factor
        for name, (column, factor) in columns.items()
    }


def _fingerprints(cell_ids: Iterable[int] | None) -> dict[int, str]:
    """Per cell a digest of the content, order and versions of what is grouped."""
    tests = CyclingTest.objects.filter(
        file__metadata__is_valid=True, file__deprecated=False, file__duplicate_of=None
    ).exclude(series_name="")
    cells = WetCell.objects.exclude(dry_cell__nominal_capacity_ah=None)
    typed = CellState.objects.filter(capacity_is_manual=True)
    if cell_ids is not None:
        ids = list(cell_ids)
        tests = tests.filter(file__metadata__cell_id__in=ids)
        cells = cells.filter(cell_id__in=ids)
        typed = typed.filter(pk__in=ids)
    contents: dict[int, list[Any]] = defaultdict(list)
    rows = tests.order_by("file__metadata__start_cycle", "pk").values_list(
        "file__metadata__cell_id",
        "file__metadata__start_cycle",
        "pk",
        "series_name",
        "summary_version",
    )
    for cell_id, *content in rows.iterator(chunk_size=5000):
        contents[int(cell_id or 0)].append(content)  # valid metadata names a cell
    capacities = dict(cells.values_list("cell_id", "dry_cell__nominal_capacity_ah"))
    capacities |= dict(typed.values_list("pk", "theoretical_capacity_ah"))
    return {
        cell_id: _digest([*VERSIONS, capacities.get(cell_id), content])
        for cell_id, content in contents.items()
    }


def _digest(content: list[Any]) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _superseded_by(told: pl.DataFrame) -> list[int | None]:
    """Per half-cycle the test of another file that tells it better, or None."""
    tests = told["test_id"].to_list()
    return [None if row is None else tests[row] for row in find_superseded(told)]


def _write_superseded(told: pl.DataFrame, superseded_by: list[int | None]) -> None:
    before = HalfCycle.objects.filter(pk__in=told["id"].to_list(), superseded_by__isnull=False)
    known = dict(before.values_list("pk", "superseded_by_id"))
    wanted = dict(zip(told["id"].to_list(), superseded_by, strict=True))
    changed: dict[int | None, list[int]] = defaultdict(list)
    for pk, test_id in wanted.items():
        if known.get(pk) != test_id:
            changed[test_id].append(pk)
    for test_id, pks in changed.items():
        for start in range(0, len(pks), IDS_PER_UPDATE):
            part = HalfCycle.objects.filter(pk__in=pks[start : start + IDS_PER_UPDATE])
            part.update(superseded_by=test_id, **({"group": None} if test_id else {}))


def _carry_choices(told: pl.DataFrame, superseded_by: list[int | None]) -> None:
    """What a curator left out stays out when another file comes to tell it better.

    Only half-cycles that are superseded for the first time hand their choice on, so
    taking one back in later holds.
    """
    if not any(superseded_by) or not told["excluded"].any():
        return
    ids = told["id"].to_list()
    new = HalfCycle.objects.filter(pk__in=ids, excluded=True, superseded_by=None)
    reasons = dict(new.values_list("pk", "excluded_reason"))
    for row, better in enumerate(find_superseded(told)):
        if better is not None and ids[row] in reasons:
            HalfCycle.objects.filter(pk=ids[better], excluded=False).update(
                excluded=True, excluded_reason=reasons[ids[row]]
            )


def _joined(frame: pl.DataFrame) -> pl.DataFrame:
    """Let the first half-cycle of each file follow the last of the file before."""
    parts = frame.partition_by("test_id", maintain_order=True)
    joined: list[pl.DataFrame] = []
    for part in parts:
        joined.append(carry_over(joined[-1].row(-1, named=True), part) if joined else part)
    return pl.concat(joined) if joined else frame


def _write_carried(frame: pl.DataFrame) -> None:
    """Store the previous-half-cycle attributes of the first row of each file."""
    firsts = frame.group_by("test_id", maintain_order=True).first()
    for row in firsts.iter_rows(named=True):
        HalfCycle.objects.filter(pk=row["id"]).update(**{name: row[name] for name in CARRIED})


def _with_previous_rate(frame: pl.DataFrame, capacity_ah: float | None) -> pl.DataFrame:
    """Add ``previous_constant_rate`` (1/h), null where unknown."""
    ampere = pl.col("previous_constant_current_ampere")
    rate = ampere / capacity_ah if capacity_ah else pl.lit(None, pl.Float64)
    return frame.with_columns(previous_constant_rate=rate)


def _write_groups(state: CellState, frame: pl.DataFrame, grouping: Grouping) -> None:
    members = _members(frame, grouping)
    kept = _kept_rows(state, frame, grouping, members)
    stale = CycleGroup.objects.filter(cell=state).exclude(pk__in=[g.pk for g in kept.values()])
    stale.delete()
    # Numbers are unique per polarity, so they are moved out of the way first.
    for place, row in enumerate(kept.values()):
        CycleGroup.objects.filter(pk=row.pk).update(number=20_000 + place)
    for index, group in enumerate(grouping.groups):
        row = kept.get(index) or CycleGroup(cell=state)
        _fill(row, group, size=len(members[index]))
        before = frame.filter(grouping.labels == index)["previous_constant_rate"].drop_nulls()
        if len(before):
            row.box["previous_constant_rate"] = [before.min(), before.max()]
        row.save()
        _assign(row, members[index])


def _write_flags(cell_id: int, frame: pl.DataFrame, grouping: Grouping) -> None:
    """Flag what stands out in the new groups, whatever was left out when the frame was read."""
    excluded = HalfCycle.objects.of_cell(cell_id).filter(excluded=True)
    left_out = pl.col("id").is_in(list(excluded.values_list("pk", flat=True)))
    grouped = frame.with_columns(group_id=pl.Series(grouping.labels, dtype=pl.Int64))
    flags.write(cell_id, anomalies_of(grouped.filter(~left_out)))


def _members(frame: pl.DataFrame, grouping: Grouping) -> list[list[int]]:
    ids = frame["id"].to_numpy()
    return [ids[grouping.labels == index].tolist() for index in range(len(grouping.groups))]


def _kept_rows(
    state: CellState, frame: pl.DataFrame, grouping: Grouping, members: list[list[int]]
) -> dict[int, CycleGroup]:
    """Which new group continues which old row: the one it shares most members with."""
    rows = {row.pk: row for row in CycleGroup.objects.filter(cell=state)}
    group_of = dict(zip(frame["id"].to_list(), frame["group_id"].to_list(), strict=True))
    shared = Counter(
        (index, group_of[pk])
        for index, pks in enumerate(members)
        for pk in pks
        if group_of[pk] in rows and rows[group_of[pk]].polarity == grouping.groups[index].polarity
    )
    kept: dict[int, CycleGroup] = {}
    taken: set[int] = set()
    for (index, pk), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if index not in kept and pk not in taken:
            kept[index] = rows[pk]
            taken.add(pk)
    left = [row for pk, row in rows.items() if pk not in taken]
    return kept | _alike(grouping, [i for i in range(len(members)) if i not in kept], left)


def _alike(
    grouping: Grouping, indices: Iterable[int], rows: list[CycleGroup]
) -> dict[int, CycleGroup]:
    """Which of the other rows lies where a new group does: a file that was read anew has
    new half-cycles, and its groups are the same programs.
    """
    pairs = []
    for index in indices:
        group = grouping.groups[index]
        for row in rows:
            known = {name: getattr(row, name) for name in ATTRIBUTES}
            away = distance(group.centre, known)
            if row.polarity == group.polarity and away <= 1.0:
                pairs.append((row.irregular != group.irregular, away, index, row.pk))
    by_pk = {row.pk: row for row in rows}
    found: dict[int, CycleGroup] = {}
    for _, _, index, pk in sorted(pairs):
        if index not in found and pk in by_pk:
            found[index] = by_pk.pop(pk)
    return found


def _fill(row: CycleGroup, group: Group, *, size: int) -> None:
    row.polarity = group.polarity
    row.number = group.number
    row.irregular = group.irregular
    row.size = size
    row.box = {name: list(bounds) for name, bounds in group.box.items()}
    for name in ATTRIBUTES:
        setattr(row, name, group.centre.get(name))


def _assign(row: CycleGroup, pks: list[int]) -> None:
    for start in range(0, len(pks), IDS_PER_UPDATE):
        part = pks[start : start + IDS_PER_UPDATE]
        HalfCycle.objects.filter(pk__in=part).exclude(group=row).update(group=row)
