"""The night, as one readable list.

Each step is a question about what is new or stale, so a night that was lost, cut
short or run twice leaves nothing undone and does nothing twice. The parts of a step
run side by side on all workers; the next step starts when the last part has ended,
failed parts included: one bad file or folder never stops the others.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from battery_db import outcomes
from battery_db.lib.runs.models import Job
from battery_db.lib.runs.registry import Done, JobRequest, Outcome, Wait

# Small enough to share among workers and to show progress, large enough to keep the
# queue short.
FILES_PER_PART = 8
CELLS_PER_PART = 20
SPECTRA_PER_PART = 50
IMPEDANCE_FILES_PER_PART = 100
IMPEDANCE_SPECTRA_PER_PART = 500


def scan() -> Iterable[JobRequest]:
    from cells.models import Folder

    for folder in Folder.objects.filter(is_active=True):
        yield JobRequest("cells.scan", {"folder_id": folder.pk}, f"Scan {folder.name}")


def identify() -> Iterable[JobRequest]:
    yield JobRequest("cells.identify", title="Read metadata from file names")


def check() -> Iterable[JobRequest]:
    yield JobRequest("battery_db.check_series", title="Check stored series")


def import_new() -> Iterable[JobRequest]:
    from cycling.jobs import importing

    # Largest first, so that no worker is left alone with a big file at the end.
    file_ids = list(importing.stale().order_by("-size", "pk").values_list("pk", flat=True))
    for part in _parts(file_ids, FILES_PER_PART):
        yield JobRequest("cycling.import_files", {"file_ids": part}, f"Import {len(part)} files")


def import_spectra() -> Iterable[JobRequest]:
    from ftir.jobs import importing

    file_ids = importing.stale().order_by("pk").values_list("pk", flat=True)
    for part in _parts(file_ids, SPECTRA_PER_PART):
        yield JobRequest("ftir.import_files", {"file_ids": part}, f"Import {len(part)} spectra")


def estimate() -> Iterable[JobRequest]:
    from ftir.services import compositions

    ids = compositions.waiting().order_by("pk").values_list("pk", flat=True)
    for part in _parts(ids, SPECTRA_PER_PART):
        title = f"Estimate {len(part)} compositions"
        yield JobRequest("ftir.estimate_compositions", {"spectrum_ids": part}, title)


def group() -> Iterable[JobRequest]:
    from cycling.jobs import grouping

    for part in _parts(grouping.stale_cells(), CELLS_PER_PART):
        yield JobRequest("cycling.group_cells", {"cell_ids": part}, f"Group {len(part)} cells")


def import_impedance() -> Iterable[JobRequest]:
    from eis.jobs import importing

    file_ids = list(importing.stale().order_by("-size", "pk").values_list("pk", flat=True))
    for part in _parts(file_ids, IMPEDANCE_FILES_PER_PART):
        yield JobRequest(
            "eis.import_files", {"file_ids": part}, f"Import {len(part)} spectra files"
        )


def fit_impedance() -> Iterable[JobRequest]:
    from eis.services import staleness

    # A series is never divided: its spectra are fitted together.
    for part in staleness.stale_parts(IMPEDANCE_SPECTRA_PER_PART):
        yield JobRequest(
            "eis.fit_spectra", {"spectrum_ids": part, "series": True}, f"Fit {len(part)} spectra"
        )


def export() -> Iterable[JobRequest]:
    from cycling.jobs import exporting

    for dataset in exporting.stale_datasets():
        params = {"slug": dataset.slug, "nightly": True}
        yield JobRequest("cycling.export_dataset", params, f"Export {dataset}")


def find_problems() -> Iterable[JobRequest]:
    yield JobRequest("cycling.find_problems", title="Look for problems")


@dataclass(frozen=True, slots=True)
class Step:
    name: str
    title: str
    parts: Callable[[], Iterable[JobRequest]]


STEPS = (
    Step("scan", "Scan folders", scan),
    Step("identify", "Read metadata from names", identify),
    Step("check", "Check stored series", check),
    Step("import", "Import files", import_new),
    Step("spectra", "Import spectra", import_spectra),
    Step("estimate", "Estimate compositions", estimate),
    Step("group", "Group cycles", group),
    Step("import_impedance", "Import impedance", import_impedance),
    Step("fit_impedance", "Fit impedance", fit_impedance),
    Step("export", "Export datasets", export),
    Step("problems", "Look for problems", find_problems),
)


def run_night(context: Any) -> Outcome:
    """Job: start the next step that has something to do, or report on each file."""
    position: int = context.memory.get("position", 0)
    started: dict[str, int] = dict(context.memory.get("parts", {}))
    while position < len(STEPS):
        step = STEPS[position]
        context.check_cancelled()
        parts = list(step.parts())
        started[step.name] = len(parts)
        position += 1
        if parts:
            memory = {"position": position, "parts": started, "step": step.title}
            return Wait(parts, memory, step.title)
    context.progress(0, 0, "Say what became of each file")
    began = Job.objects.values_list("created_at", flat=True).get(pk=context.job_id)
    return Done({"parts": started, "files": outcomes.keep(context.job_id, began)}, url="/")


def _parts(ids: Iterable[int], size: int) -> Iterable[list[int]]:
    ids = list(ids)
    return ([*ids[start : start + size]] for start in range(0, len(ids), size))
