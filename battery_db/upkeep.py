"""Keeps the series storage true to the rows of all apps: what is damaged is imported again."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from django.core.files.storage import Storage
from django.db.models import Model
from django.utils import timezone

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from battery_db.lib.storage import storage

log = logging.getLogger(__name__)
# An import stores the series first and points to it last; what is young may be on its way.
SETTLED_AFTER = timedelta(days=1)
FOLDERS = ("cycling", "eis", "ftir")


def owners() -> tuple[type[Model], ...]:
    """The models whose rows point into the series storage, by ``stored_files``."""
    from cycling.models import CyclingTest
    from eis.models import ImpedanceFile
    from ftir.models import Calibration, InfraredSpectrum

    return CyclingTest, ImpedanceFile, InfraredSpectrum, Calibration


def check_series(context: JobContext) -> Done:
    """Job: find series that are lost or cut short, and remove those nothing points to."""
    damaged = mark_damaged()
    removed = remove_orphans()
    if damaged:
        context.log(f"{damaged} stored series are damaged and will be imported again.", "warning")
    return Done({"damaged": damaged, "removed": removed})


def mark_damaged() -> int:
    """Mark rows whose stored series is missing or has another size; the import repairs them."""
    series = storage("series")
    number = 0
    for model in owners():
        damaged = [row.pk for row in _rows(model) if _is_damaged(series, row)]
        number += len(damaged)
        if "is_transient" not in {field.name for field in model._meta.fields}:
            if damaged:
                log.error("Files of %s %s are lost.", model._meta.verbose_name_plural, damaged)
            continue
        for start in range(0, len(damaged), 500):
            rows = model._default_manager.filter(pk__in=damaged[start : start + 500])
            rows.update(is_transient=True)
    return number


def remove_orphans() -> int:
    """Delete stored series, and drafts of them, that no row has pointed to for a day."""
    series = storage("series")
    used = {name for model in owners() for row in _rows(model) for name, _ in row.stored_files()}
    orphans = [
        name
        for folder in FOLDERS
        for name in _names(series, folder)
        if name not in used and _has_settled(series, name)
    ]
    for name in orphans:
        series.delete(name)
    return len(orphans)


def _rows(model: type[Model]) -> Iterator[Any]:
    return model._default_manager.iterator(chunk_size=2000)


def _is_damaged(series: Storage, row: Any) -> bool:
    for name, size in row.stored_files():
        found = _stored_size(series, name)
        if found is None or size not in (found, None):
            return True
    return False


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
