"""Which files of a cell tell the same cycles, for people to look at."""

from collections import defaultdict
from dataclasses import dataclass

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
    """Five queries, whatever the number of files; for a cell of one file, one."""
    told = HalfCycle.objects.told().filter(test__file__metadata__cell_id=cell_id)
    if told.values("test").distinct().count() < 2:
        return Overlaps([], "")
    worse = told.exclude(superseded_by=None)
    better_of = dict(worse.values_list("pk", "superseded_by"))
    cycles: dict[tuple[int, int], list[int]] = defaultdict(list)
    for row in worse.as_frame().iter_rows(named=True):
        cycles[row["test_id"], better_of[row["id"]]].append(row["cycle"])
    tests = CyclingTest.objects.select_related("file__metadata").in_bulk(
        {pk for pair in cycles for pk in pair}
    )
    found = [
        Overlap(tests[pk], tests[better], len(numbers), format_ranges(sorted(set(numbers))))
        for (pk, better), numbers in sorted(cycles.items())
    ]
    twice = numbers_used_twice(HalfCycle.objects.of_cell(cell_id).as_frame())
    return Overlaps(found, format_ranges(twice))
