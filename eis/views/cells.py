"""The impedance panels of a cell's page and of a dataset's page."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from cells.models import Dataset
from eis import plots
from eis.models import ImpedanceSpectrum
from eis.services import figures, fits
from eis.services.circuits import lab_circuit, title_of
from eis.services.trends import trends_of_cell

SPECTRA_LISTED = 60
SPECTRA_DRAWN = 8
MOST_TRENDS = 6


@requires(Permission.VIEW)
def cell_panel(request: HttpRequest, cell_id: int) -> HttpResponse:
    """Fragment: a cell's spectra, and fitted parameters against cycle."""
    found = ImpedanceSpectrum.objects.of_cell(cell_id).in_life_order().with_fit()
    found = found.select_related("source__file__metadata")
    spectra = list(found[:SPECTRA_LISTED])
    units = fits.parameter_names_of_cell(cell_id) if spectra else {}
    sent = request.GET.getlist("parameter")
    resistances = [name for name, unit in units.items() if unit == "Ω" and not name.startswith("L")]
    chosen = [name for name in sent if name in units] or resistances or list(units)
    context = {
        "cell_id": cell_id,
        "spectra": spectra,
        "count": found.count() if len(spectra) == SPECTRA_LISTED else len(spectra),
        "units": units,
        "chosen": chosen[:MOST_TRENDS],
        "circuit_title": title_of(lab_circuit().text),
    }
    return render(request, "eis/cell_panel.html", context)


@requires(Permission.VIEW)
def trend_figure(request: HttpRequest, cell_id: int) -> JsonResponse:
    """Chosen parameters with 90 % intervals against cycle, by circuit and condition.

    ``?parameter=`` several.
    """
    units = fits.parameter_names_of_cell(cell_id)
    names = [name for name in request.GET.getlist("parameter") if name in units][:MOST_TRENDS]
    life = trends_of_cell(cell_id, names)
    if not life.trends:
        return JsonResponse({"empty": "No spectrum of this cell has such a parameter fitted."})
    shared = {units[name] for name in names}
    axis = f"Parameter / {shared.pop()}" if len(shared) == 1 else "Parameter, in its own unit"
    return JsonResponse(plots.trend(life.trends, life.x_axis, axis))


@requires(Permission.VIEW)
def overlay_figure(request: HttpRequest, cell_id: int) -> JsonResponse:
    """Nyquist curves over the life of the cell: first, last, and some between.

    Rejected spectra are left out, as in trends.
    """
    found = ImpedanceSpectrum.objects.of_cell(cell_id).in_life_order().select_related("source")
    found = found.exclude(review=ImpedanceSpectrum.Review.REJECTED)
    try:
        drawn = figures.life_of(list(found), SPECTRA_DRAWN)
    except LabError as error:
        return JsonResponse({"error": error.message, "fix": error.fix}, status=409)
    if not drawn:
        return JsonResponse({"empty": "This cell has no spectrum that counts."})
    return JsonResponse(plots.overlay(drawn))


@require_POST
@requires(Permission.EDIT)
def refresh_cell(request: HttpRequest, cell_id: int) -> HttpResponse:
    job = fits.request_refresh(cell_id, by=request.user, trigger=Job.Trigger.PAGE)
    messages.info(request, f"Reading and fitting the impedance of cell {cell_id} now.")
    return redirect(job)


@requires(Permission.VIEW)
def dataset_panel(request: HttpRequest, slug: str) -> HttpResponse:
    """Fragment: how many spectra of the dataset's cells have a fit, and the exports."""
    dataset = get_object_or_404(Dataset, slug=slug)
    count = fits.fits_of_dataset(dataset).count()
    return render(request, "eis/dataset_panel.html", {"dataset": dataset, "count": count})


@requires(Permission.VIEW)
def dataset_fits(request: HttpRequest, slug: str, encoding: str) -> HttpResponse:
    """One row per spectrum of the dataset's cells, with every parameter, as CSV or Parquet."""
    dataset = get_object_or_404(Dataset, slug=slug)
    try:
        content = fits.as_bytes(fits.fit_table(fits.fits_of_dataset(dataset)), encoding)
    except LabError as error:
        messages.error(request, str(error))
        return redirect(dataset)
    kind = "text/csv" if encoding == "csv" else "application/vnd.apache.parquet"
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="{slug}-impedance.{encoding}"'
    return response
