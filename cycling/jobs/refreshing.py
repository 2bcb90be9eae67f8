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
