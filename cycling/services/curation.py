"""Leave half-cycles out of plots, datasets and tensors, take them back in, and undo that.

Nothing is deleted: a half-cycle that is left out keeps its numbers and its points. A
later import of the same file keeps the choice.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl
from django.db import transaction
from django.utils import timezone

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.ranges import format_ranges, parse_ranges
from cycling.models import CurationChange, CycleGroup, HalfCycle
from cycling.plots import Points
from cycling.quantities import HALF_CYCLE_QUANTITIES, Quantity
from cycling.services import flags
from cycling.services.cells import label_of, note

BATCH = 500
WARNING = "#D55E00"
HalfKey = tuple[int, str, int]  # file, polarity, the instrument's cycle number


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle on the plot of ``quantity`` against absolute cycle number."""

    quantity: Quantity
    first_cycle: float
    last_cycle: float
    minimum: float | None = None
    maximum: float | None = None
    polarity: str = ""  # both


def exclude_cycles(
    cell_id: int, cycles: str, *, reason: str, restore: bool = False, by: Any = None
) -> CurationChange | None:
    """Leave out, or take back in, the cycles that ``cycles`` names: the decision, or None
    when they were so before.
    """
    wanted = parse_ranges(cycles)
    if not wanted:
        raise LabError("No cycle is named.", fix="Write cycle numbers, for example 17, 100-102.")
    halves = HalfCycle.objects.of_cell(cell_id).in_cycles(wanted)
    return _change(cell_id, halves.values_list("pk", flat=True), reason, restore=restore, by=by)


def exclude_half_cycles(
    cell_id: int, pks: Iterable[int], *, reason: str, restore: bool = False, by: Any = None
) -> CurationChange | None:
    """The same for half-cycles by their ids; those of other cells are passed over."""
    wanted = sorted(set(pks))
    if not wanted:
        raise LabError(
            "No half-cycle is chosen.",
            fix="Draw a box around points of the plot, or type the region.",
        )
    return _change(cell_id, wanted, reason, restore=restore, by=by)


def half_cycles_in(cell_id: int, region: Region) -> list[int]:
    """Ids of the half-cycles in a region, those that are left out included."""
    rows = curation_frame(cell_id, region.quantity)
    inside = pl.col("cycle").is_between(region.first_cycle, region.last_cycle)
    if region.minimum is not None:
        inside &= pl.col("y") >= region.minimum
    if region.maximum is not None:
        inside &= pl.col("y") <= region.maximum
    if region.polarity:
        inside &= pl.col("polarity") == region.polarity
    found: list[int] = rows.filter(inside)["id"].to_list()
    return found


def curation_frame(cell_id: int, quantity: Quantity) -> pl.DataFrame:
    """All half-cycles of a cell with ``y``, the chosen number of each."""
    frame = HalfCycle.objects.of_cell(cell_id).as_frame()
    return frame.with_columns(y=pl.col(HALF_CYCLE_QUANTITIES[quantity.name][1]))


def curation_points(cell_id: int, quantity: Quantity, polarity: str) -> list[Points]:
    """An entry per group of what is in, and one for all that is left out, with ids."""
    frame = curation_frame(cell_id, quantity).drop_nulls("y")
    if polarity:
        frame = frame.filter(polarity=polarity)
    kept = frame.filter(~pl.col("excluded"))
    groups = list(CycleGroup.objects.filter(cell=cell_id).order_by("polarity", "number"))
    entries = [
        Points(label_of(group) if polarity else f"{group.polarity} {label_of(group)}", **_of(rows))
        for group in groups
        if not group.irregular and (rows := kept.filter(group_id=group.pk)).height
    ]
    regular = [group.pk for group in groups if not group.irregular]
    irregular = [group.pk for group in groups if group.irregular]
    rest = kept.filter(~pl.col("group_id").is_in(regular + irregular).fill_null(value=False))
    standing_out = kept.filter(pl.col("anomaly_sigmas").is_not_null())
    if standing_out.height:
        entries.append(
            Points("stands out", **_of(standing_out), colour=WARNING, symbol="circle-open-dot")
        )
    for name, rows, symbol in (
        ("irregular", kept.filter(pl.col("group_id").is_in(irregular)), "x-thin-open"),
        ("not grouped yet", rest, "x-thin-open"),
        ("left out", frame.filter("excluded"), "circle-open"),
    ):
        if rows.height:
            entries.append(Points(name, **_of(rows), irregular=True, symbol=symbol))
    return entries


def _of(rows: pl.DataFrame) -> dict[str, Any]:
    return {"x": rows["cycle"].to_numpy(), "y": rows["y"].to_numpy(), "keys": rows["id"].to_list()}


def changes_of_cell(cell_id: int, limit: int = 20) -> list[CurationChange]:
    """The newest decisions, newest first (one query)."""
    return list(
        CurationChange.objects.filter(cell=cell_id).select_related("made_by", "undone_by")[:limit]
    )


def undo(cell_id: int, change_id: int, *, by: Any = None) -> int:
    """Put back what one decision changed, as it was before; says how many half-cycles.

    A half-cycle that a later decision changed again keeps what that one said.
    """
    with transaction.atomic():
        change = (
            CurationChange.objects.select_for_update().filter(pk=change_id, cell=cell_id).first()
        )
        if change is None or change.undone_at is not None:
            raise NotAllowed(
                "This change has been undone already, or was never made.", fix="Reload the page."
            )
        later = CurationChange.objects.filter(cell=cell_id, pk__gt=change.pk, undone_at=None)
        settled = {key for each in later for key in map(_key, each.targets)}
        before = {_key(t): (t[3], t[4]) for t in change.targets if _key(t) not in settled}
        count = _put_back(before)
        flags.refresh(cell_id)
        change.undone_at, change.undone_by = timezone.now(), by
        change.save()
        note(cell_id, f"undone: {change}", by)
    return count


def excluded_cycles(cell_id: int) -> str:
    """The cycles of a cell that are left out, as ranges."""
    excluded = HalfCycle.objects.of_cell(cell_id).filter(excluded=True).as_frame()
    return format_ranges(excluded["cycle"].to_list())


def _change(
    cell_id: int, pks: Iterable[int], reason: str, *, restore: bool, by: Any
) -> CurationChange | None:
    reason = reason.strip()[:300]
    if not restore and not reason:
        raise NotAllowed(
            "A cycle is only left out with a reason.", fix="Say why, for whoever looks next year."
        )
    with transaction.atomic():
        rows = [row for row in _rows(cell_id, pks) if row["excluded"] == restore]
        if not rows:
            return None
        cycles = format_ranges(row["cycle"] for row in rows)
        told = f"cycles {cycles} " + ("taken back in" if restore else f"left out: {reason}")
        state = note(cell_id, told, by)
        change = CurationChange.objects.create(
            cell=state,
            excludes=not restore,
            reason=reason,
            cycles=cycles,
            targets=[_target(row) for row in rows],
            made_by=by,
        )
        _update([row["pk"] for row in rows], excluded=not restore, reason=reason)
        flags.refresh(cell_id)
    return change


def _rows(cell_id: int, pks: Iterable[int]) -> list[dict[str, Any]]:
    fields = ("pk", "test__file_id", "polarity", "cycle_count", "excluded", "excluded_reason")
    halves = HalfCycle.objects.of_cell(cell_id).with_cycle()
    wanted = list(pks)
    return [
        row
        for start in range(0, len(wanted), BATCH)
        for row in halves.filter(pk__in=wanted[start : start + BATCH]).values("cycle", *fields)
    ]


def _target(row: dict[str, Any]) -> list[Any]:
    names = ("test__file_id", "polarity", "cycle_count", "excluded", "excluded_reason")
    return [row[name] for name in names]


def _key(target: list[Any]) -> HalfKey:
    return target[0], target[1], target[2]


def _put_back(before: dict[HalfKey, tuple[bool, str]]) -> int:
    files = {key[0] for key in before}
    halves = HalfCycle.objects.filter(test__file__in=files)
    by_state: dict[tuple[bool, str], list[int]] = {}
    keys = halves.values_list("pk", "test__file_id", "polarity", "cycle_count")
    for pk, file_id, polarity, cycle_count in keys:
        state = before.get((file_id, polarity, cycle_count))
        if state is not None:
            by_state.setdefault(state, []).append(pk)
    for (excluded, reason), pks in by_state.items():
        _update(pks, excluded=excluded, reason=reason)
    return sum(map(len, by_state.values()))


def _update(pks: list[int], *, excluded: bool, reason: str) -> None:
    for start in range(0, len(pks), BATCH):
        HalfCycle.objects.filter(pk__in=pks[start : start + BATCH]).update(
            excluded=excluded, excluded_reason=reason if excluded else ""
        )
