"""Which files of a cell tell the same cycles, for people to look at."""

from collections import defaultdict
from dataclasses import dataclass

import polars as pl

from battery_db.lib.ranges import format_ranges
from cycling.models import CyclingTest, HalfCycle
from cycling.stitching import RULE, numbers_used_twice


@dataclass(frozen=True, slots=True)
class Overlap:
    """Half-cycles of ``test`` that ``counts`` tells as well, and better."""

    test: CyclingTest
    counts: CyclingTest
    half_cycles: int
    cycles: str  # absolute numbers as ``test`` gives them


@dataclass(frozen=True, slots=True)
class Overlaps:
    found: list[Overlap]
    used_twice: str  # absolute cycles that files tell at different times
    rule: str = RULE


def overlaps_of_cell(cell_id: int) -> Overlaps:
    """Two queries, and a third when there are overlaps."""
    told = HalfCycle.objects.told().filter(test__file__metadata__cell_id=cell_id)
    frame = told.as_frame()
    if frame["test_id"].n_unique() < 2:
        return Overlaps([], "")
    worse = told.exclude(superseded_by=None)
    better_of = dict(worse.values_list("pk", "superseded_by"))
    is_worse = pl.col("id").is_in(list(better_of))
    cycles: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in frame.filter(is_worse).iter_rows(named=True):
        cycles[row["test_id"], better_of[row["id"]]].append(row["cycle"])
    ids = {pk for pair in cycles for pk in pair}
    tests = CyclingTest.objects.select_related("file__metadata").in_bulk(ids) if ids else {}
    found = [
        Overlap(tests[pk], tests[better], len(numbers), format_ranges(sorted(set(numbers))))
        for (pk, better), numbers in sorted(cycles.items())
    ]
    return Overlaps(found, format_ranges(numbers_used_twice(frame.filter(~is_worse))))
