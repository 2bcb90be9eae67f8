"""What a search shows of the cycling of many cells: small plots, and the state of imports."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db.models import Count, F, Max, Q

from battery_db.lib.ranges import format_ranges
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import FileMetadata
from cycling.models import CyclingTest, HalfCycle
from cycling.plots import thinned
from cycling.quantities import QUANTITIES
from cycling.services.cells import points_by_group
from cycling.sparklines import sparkline

KEPT_SECONDS = 7 * 24 * 3600
POINTS = 300
VERSION = 1  # of the look: raise it when ``cycling.sparklines`` draws something else


@dataclass(frozen=True, slots=True)
class ImportState:
    """Files of one Cell ID: how many are read, failed, or wait for the next import."""

    cell_id: int
    imported: int
    failed: int
    waiting: int


def preview_mark(cell_id: int) -> str:
    """Changes whenever the picture of a cell could: one query."""
    halves = HalfCycle.objects.of_cell(cell_id).order_by()
    found = halves.aggregate(
        count=Count("pk"),
        newest=Max("pk"),
        left_out=Count("pk", filter=Q(excluded=True)),
        group_count=Count("group", distinct=True),
        newest_group=Max("group"),
        imported=Max("test__imported_at"),
    )
    return hashlib.sha256(f"{VERSION} {cell_id} {found}".encode()).hexdigest()[:32]


def preview(cell_id: int, mark: str) -> str:
    """Discharge capacity against cycle number as SVG, drawn once for each ``mark``."""
    key = f"cycling.preview:{mark}"
    picture: str | None = cache.get(key)
    if picture is None:
        quantity = QUANTITIES["discharge_capacity"]
        picture = sparkline(thinned(points_by_group(cell_id, quantity), POINTS), y_axis="Ah")
        cache.set(key, picture, KEPT_SECONDS)
    return picture


def import_states(cell_ids: Sequence[int]) -> list[ImportState]:
    """Of valid cycling files in use, in one query."""
    files = FileMetadata.objects.valid_cycling().filter(
        cell_id__in=cell_ids, file__duplicate_of=None
    )
    current = Q(file__cycling_test__sha256=F("file__sha256"))
    failed = current & Q(file__cycling_test__status=CyclingTest.Status.FAILED)
    counted = files.order_by().values("cell_id").annotate(
        total=Count("pk"), known=Count("pk", filter=current), failed=Count("pk", filter=failed)
    )  # fmt: skip
    return [
        ImportState(
            cell_id=int(row["cell_id"] or 0),
            imported=row["known"] - row["failed"],
            failed=row["failed"],
            waiting=row["total"] - row["known"],
        )
        for row in counted.order_by("cell_id")
    ]


def request_reimport(cell_ids: Sequence[int], *, by: Any, trigger: str) -> Job:
    """Read all files of these cells again, whether or not they changed, as a job."""
    chosen = sorted(set(cell_ids))
    words = format_ranges(chosen)
    return engine.enqueue(
        "cycling.reimport_cells",
        {"cell_ids": chosen},
        trigger=trigger,
        by=by,
        title=f"Import again: cell{'' if len(chosen) == 1 else 's'} {words}"[:150],
        key=f"cycling.reimport_cells:{hashlib.sha256(words.encode()).hexdigest()[:32]}",
    )
