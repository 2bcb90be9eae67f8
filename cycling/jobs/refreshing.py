"""Import and group one cell at once, for the person who waits for it."""

from django.urls import reverse

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done
from cycling.jobs import grouping, importing


def refresh_cell(context: JobContext) -> Done:
    """Job: what the night would do for ``params["cell_id"]``."""
    cell_id: int = context.params["cell_id"]
    files = list(importing.stale().filter(metadata__cell_id=cell_id).select_related("folder"))
    outcomes = []
    for index, file in enumerate(files):
        context.progress(index, len(files) + 1, file.name)
        outcomes.append(importing.import_file(file, fence=context.fenced))
    result = importing.count(outcomes)
    if grouping.stale_cells([cell_id]):
        result |= grouping.group_cell(cell_id, fence=context.fenced)
    return Done(result, url=reverse("cells:cell", args=[cell_id]))


def reimport_cells(context: JobContext) -> Done:
    """Job: read every file of ``params["cell_ids"]`` again, then group those cells.

    What people set (exclusions, start cycles, capacities) stays. One bad file never
    stops the others.
    """
    cell_ids: list[int] = context.params["cell_ids"]
    files = list(
        importing.importable().filter(metadata__cell_id__in=cell_ids).select_related("folder")
    )
    outcomes = []
    for index, file in enumerate(files):
        context.check_cancelled()
        context.progress(index, len(files) + 1, file.name)
        outcomes.append(importing.import_file(file, fence=context.fenced))
    context.progress(len(files), len(files) + 1, "Grouping cycles")
    regrouped = grouping.bring_up_to_date(cell_ids, context)
    return Done(importing.count(outcomes) | {"cells": len(cell_ids), "regrouped": regrouped})
