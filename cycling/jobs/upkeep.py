"""Keeps the series storage true to the rows: what is damaged is imported again."""

import logging
from collections.abc import Iterator

from django.core.files.storage import Storage

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.storage import storage
from cycling.models import CyclingTest

log = logging.getLogger(__name__)


def check_series(context: JobContext) -> Done:
    """Job: find series that are lost or cut short, and remove those nothing points to."""
    damaged = mark_damaged()
    removed = remove_orphans()
    if damaged:
        context.log(f"{damaged} stored series are damaged and will be imported again.", "warning")
    return Done({"damaged": damaged, "removed": removed})


def mark_damaged() -> int:
    """Mark tests whose stored series is missing or has another size; the import repairs them."""
    series = storage("series")
    tests = CyclingTest.objects.exclude(series_name="").only("pk", "series_name", "series_bytes")
    damaged = [
        test.pk
        for test in tests.iterator(chunk_size=2000)
        if _stored_size(series, test.series_name) != test.series_bytes
    ]
    for start in range(0, len(damaged), 500):
        CyclingTest.objects.filter(pk__in=damaged[start : start + 500]).update(is_transient=True)
    return len(damaged)


def remove_orphans() -> int:
    """Delete stored series of the ``cycling`` folder that no row points to."""
    series = storage("series")
    used = set(CyclingTest.objects.exclude(series_name="").values_list("series_name", flat=True))
    orphans = [name for name in _names(series, "cycling") if name not in used]
    for name in orphans:
        series.delete(name)
    return len(orphans)


def _stored_size(series: Storage, name: str) -> int | None:
    try:
        return series.size(name)
    except OSError:
        return None


def _names(series: Storage, folder: str) -> Iterator[str]:
    try:
        folders, files = series.listdir(folder)
    except FileNotFoundError:
        return
    for name in files:
        yield f"{folder}/{name}"
    for name in folders:
        yield from _names(series, f"{folder}/{name}")
