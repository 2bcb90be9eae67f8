"""Files of one cell put together: which of several that tell the same half-cycle counts.

Cyclers are restarted, tests are exported again from their beginning, and operators guess
the start cycle. So files of one cell may tell the same charge or discharge more than once.

**The same** are two half-cycles of one polarity from different files that

1. began at the same time (within a second) and passed the same charge (within a percent, or
   less of it when cut off), whatever their numbers say; or
2. have the same absolute cycle number (start cycle of the file and its own count), unless
   both are complete and their clocks say that they ran at different times: a number used
   twice is no overlap, and both are kept.

**Used** is the one that is complete, then the one of the file that goes on for longest
(the highest absolute cycle), then that of the newer row. The others are kept, and are
shown as overlaps.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from cycling.half_cycles import CARRIED

# Raise it when the rule changes: cells are then put together again.
STITCHING_VERSION = 1
SAME_START_S = 1.0
RULE = (
    "Where files tell the same charge or discharge (same time, or same cycle number), the complete "
    "one counts, then the one of the file that goes on for longest."
)
SAME_CAPACITY = 0.01


@dataclass(frozen=True, slots=True)
class Half:
    """What of a half-cycle decides. ``start`` is in Unix seconds, None without a clock."""

    row: int
    test_id: int
    cycle: int
    is_complete: bool
    start: float | None
    seconds: float
    capacity_ah: float
    reach: int

    @property
    def rank(self) -> tuple[bool, int, int]:
        return (self.is_complete, self.reach, self.test_id)


def find_superseded(frame: pl.DataFrame) -> list[int | None]:
    """Per row of ``HalfCycleQuerySet.as_frame`` the row that counts instead, or None.

    O(n log n). A row that counts instead counts itself, and is of another file.
    """
    instead: list[int | None] = [None] * frame.height
    if frame["test_id"].n_unique() < 2:
        return instead
    for halves in _by_polarity(frame):
        counting = _Counting()
        for half in sorted(halves, key=lambda half: half.rank, reverse=True):
            instead[half.row] = counting.better_than(half)
            if instead[half.row] is None:
                counting.add(half)
    return instead


def numbers_used_twice(frame: pl.DataFrame) -> list[int]:
    """Absolute cycles that files tell at different times: the start cycle of one is wrong."""
    twice = frame.group_by("cycle", "polarity").agg(pl.col("test_id").n_unique())
    return sorted(set(twice.filter(pl.col("test_id") > 1)["cycle"].to_list()))


def _by_polarity(frame: pl.DataFrame) -> Iterator[list[Half]]:
    table = frame.select(
        "test_id",
        "polarity",
        "cycle",
        "is_complete",
        "capacity_ah",
        start=pl.col("started_at").dt.epoch("us") / 1e6,
        seconds=pl.col("duration_second"),
        reach=pl.col("cycle").max().over("test_id"),
    )
    columns = table.to_dict(as_series=False)
    polarity = columns.pop("polarity")
    halves: dict[str, list[Half]] = {}
    for row, values in enumerate(_rows(columns)):
        halves.setdefault(polarity[row], []).append(Half(row=row, **values))
    yield from halves.values()


def _rows(columns: dict[str, list[Any]]) -> Iterator[dict[str, Any]]:
    for values in zip(*columns.values(), strict=True):
        yield dict(zip(columns, values, strict=True))


class _Counting:
    """Half-cycles that count, found by number and by the second they began in."""

    def __init__(self) -> None:
        self._by_cycle: dict[int, list[Half]] = defaultdict(list)
        self._by_second: dict[int, list[Half]] = defaultdict(list)

    def add(self, half: Half) -> None:
        self._by_cycle[half.cycle].append(half)
        if half.start is not None:
            self._by_second[int(half.start)].append(half)

    def better_than(self, half: Half) -> int | None:
        """The row that tells the same as ``half``, which comes after it in rank."""
        for one in self._by_cycle.get(half.cycle, ()):
            if one.test_id != half.test_id and _ran_together(one, half):
                return one.row
        for one in self._began_with(half):
            if one.test_id != half.test_id and _passed_the_same(one, half):
                return one.row
        return None

    def _began_with(self, half: Half) -> Iterator[Half]:
        if half.start is None:
            return
        for second in range(int(half.start - SAME_START_S), int(half.start + SAME_START_S) + 1):
            for one in self._by_second.get(second, ()):
                if abs((one.start or 0.0) - half.start) <= SAME_START_S:
                    yield one


def _ran_together(better: Half, half: Half) -> bool:
    """Of one number: whether nothing says that they ran at different times."""
    if better.start is None or half.start is None or not half.is_complete:
        return True
    starts_before = better.start < half.start + max(half.seconds, SAME_START_S)
    return starts_before and half.start < better.start + max(better.seconds, SAME_START_S)


def _passed_the_same(better: Half, half: Half) -> bool:
    """Clocks of restarted instruments may repeat; charge to a percent does not as well."""
    margin = SAME_CAPACITY * better.capacity_ah
    if not half.is_complete:
        return half.capacity_ah <= better.capacity_ah + margin
    return abs(half.capacity_ah - better.capacity_ah) <= margin


def carry_over(previous_row: Mapping[str, Any] | None, rows: pl.DataFrame) -> pl.DataFrame:
    """``rows`` of one file, the first of which follows ``previous_row`` of another.

    ``previous_row`` None means that nothing is known of what came before.
    """
    first = pl.int_range(pl.len()) == 0
    values = {
        f"previous_{name}": None if previous_row is None else previous_row[name] for name in CARRIED
    }
    return rows.with_columns(
        pl.when(first).then(pl.lit(value, pl.Float64())).otherwise(pl.col(name)).alias(name)
        for name, value in values.items()
    )
