"""Keeps the series storage true to the rows: what is damaged is imported again."""

import logging
from collections.abc import Iterator
from datetime import timedelta

from django.core.files.storage import Storage
from django.utils import timezone

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.storage import storage
from cycling.models import CyclingTest

log = logging.getLogger(__name__)
# An import stores the series first and points to it last; what is young may be on its way.
SETTLED_AFTER = timedelta(days=1)


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
    """Delete stored series, and drafts of them, that no row has pointed to for a day."""
    series = storage("series")
    used = set(CyclingTest.objects.exclude(series_name="").values_list("series_name", flat=True))
    orphans = [
        name
        for name in _names(series, "cycling")
        if name not in used and _has_settled(series, name)
    ]
    for name in orphans:
        series.delete(name)
    return len(orphans)


def _stored_size(series: Storage, name: str) -> int | None:
    try:
        return series.size(name)
    except OSError:
        return None


def _has_settled(series: Storage, name: str) -> bool:
    try:
        return series.get_modified_time(name) < timezone.now() - SETTLED_AFTER
    except OSError:
        return False  # gone meanwhile: a draft that was renamed


def _names(series: Storage, folder: str) -> Iterator[str]:
    try:
        folders, files = series.listdir(folder)
    except FileNotFoundError:
        return
    for name in files:
        yield f"{folder}/{name}"
    for name in folders:
        yield from _names(series, f"{folder}/{name}")
