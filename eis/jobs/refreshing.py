"""Import and fit at once, for the person who waits for it."""

from collections.abc import Iterable, Sequence

from django.urls import reverse

from battery_db.lib.runs.engine import JobContext
from battery_db.lib.runs.registry import Done, JobRequest, Outcome, Wait
from cells.models import RawFile
from eis.jobs import importing
from eis.models import ImpedanceSpectrum
from eis.services import staleness

FITS_PER_PART = 2000


def refresh_cell(context: JobContext) -> Outcome:
    """Job: what the night would do for ``params["cell_id"]``."""
    cell_id: int = context.params["cell_id"]
    url = reverse("cells:cell", args=[cell_id])
    if "imported" in context.memory:
        return Done(context.memory["imported"], url=url)
    files = importing.stale().filter(metadata__cell_id=cell_id)
    result = importing.count(_import(files.select_related("folder"), context))
    return _then_fit(staleness.stale_parts(FITS_PER_PART, cell_id), result, url, series=True)


def take_in(context: JobContext) -> Outcome:
    """Job: import the uploaded files ``params["file_ids"]`` and fit their spectra."""
    ids = context.params["file_ids"]
    spectra = ImpedanceSpectrum.objects.filter(source__file__in=ids)
    if "imported" in context.memory:
        return Done(context.memory["imported"], url=_url_of(spectra))
    files = RawFile.objects.filter(pk__in=ids).select_related("folder")
    result = importing.count(_import(files, context))
    ids = list(spectra.values_list("pk", flat=True))
    parts = [ids[start : start + FITS_PER_PART] for start in range(0, len(ids), FITS_PER_PART)]
    return _then_fit(parts, result, _url_of(spectra))


def _url_of(spectra: Iterable[ImpedanceSpectrum]) -> str:
    found = list(spectra)
    if len(found) == 1:
        return found[0].get_absolute_url()
    return reverse("eis:spectra") + (f"?file={found[0].source.file_id}" if found else "")


def _import(files: Iterable[RawFile], context: JobContext) -> list[importing.Imported]:
    rows = list(files)
    outcomes = []
    for index, file in enumerate(rows):
        context.progress(index, len(rows), file.name)
        outcome = importing.import_file(file, fence=context.fenced)
        if outcome.error:
            context.log(f"{file.name}: {outcome.error} {outcome.fix}".strip(), "warning")
        outcomes.append(outcome)
    return outcomes


def _then_fit(
    parts: Sequence[list[int]], result: dict[str, object], url: str, *, series: bool = False
) -> Outcome:
    if not parts:
        return Done(result, url=url)
    children = [
        JobRequest(
            "eis.fit_spectra", {"spectrum_ids": ids, "series": series}, f"Fit {len(ids)} spectra"
        )
        for ids in parts
    ]
    return Wait(children, {"imported": result}, "Fitting")
