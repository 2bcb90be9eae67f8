"""Spectra: the list with its upload, one spectrum explained, and files to take away."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from ftir import plots
from ftir.forms import CorrectionsForm, SpectraForm
from ftir.models import Calibration, Composition, InfraredSpectrum
from ftir.services import compositions
from ftir.services import spectra as services

PER_PAGE = 50
AT_ONCE = 3  # as many uploads are judged while the person waits; more become a job


@requires(Permission.VIEW, POST=Permission.EDIT)
def spectra(request: HttpRequest) -> HttpResponse:
    form = SpectraForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        return _add(request, form.cleaned_data["spectra"])
    calibration = compositions.calibration_in_use()
    rows = InfraredSpectrum.objects.filter(for_calibration=False).select_related("file__metadata")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    judged = {
        row.spectrum_id: row
        for row in Composition.objects.filter(
            spectrum__in=[spectrum.pk for spectrum in page], calibration=calibration
        )
    }
    context = {
        "form": form,
        "page": page,
        "rows": [(spectrum, judged.get(spectrum.pk)) for spectrum in page],
        "calibration": calibration,
        "waiting": compositions.waiting(calibration).count(),
    }
    return render(request, "ftir/spectra.html", context)


def _add(request: HttpRequest, files: list[tuple[str, bytes]]) -> HttpResponse:
    added = []
    for name, content in files:
        try:
            added.append(services.add_spectrum(name, content, by=request.user))
        except LabError as error:
            messages.error(request, str(error))
    calibration = compositions.calibration_in_use()
    if calibration and 0 < len(added) <= AT_ONCE:
        for spectrum in added:
            compositions.estimate(spectrum, calibration)
    elif calibration and added:
        compositions.request_estimates(by=request.user, trigger=Job.Trigger.PAGE)
        messages.info(request, f"{len(added)} spectra are being judged.")
    if len(added) == 1 and len(files) == 1:
        return redirect(added[0])
    return redirect("ftir:spectra")


@requires(Permission.VIEW)
def spectrum(request: HttpRequest, spectrum_id: int) -> HttpResponse:
    """Verdict, composition with intervals, and the figures that explain them."""
    shown = get_object_or_404(
        InfraredSpectrum.objects.select_related(
            "file__metadata", "file__folder", "electrolyte_lot"
        ),
        pk=spectrum_id,
    )
    results = list(shown.compositions.select_related("calibration"))
    chosen = _chosen(results, request.GET.get("calibration", ""))
    cell_id = _cell_id(shown)
    recipe = compositions.nominal_of(shown)
    context = {
        "spectrum": shown,
        "composition": chosen,
        "others": [row for row in results if row is not chosen],
        "rows": [
            {**row, "nominal": (recipe or {}).get(row["component"])}
            for row in (chosen.amounts if chosen else [])
        ],
        "nominal": recipe,
        "is_stale": chosen is not None
        and (chosen.baseline, chosen.atr_to_transmission)
        != (shown.baseline, shown.atr_to_transmission),
        "cell_id": cell_id,
        "form": CorrectionsForm(instance=shown, initial={"lot": shown.electrolyte_lot or ""}),
        "calibration": compositions.calibration_in_use(),
    }
    return render(request, "ftir/spectrum.html", context)


def _chosen(results: list[Composition], wanted: str) -> Composition | None:
    for row in results:
        if str(row.calibration_id) == wanted:
            return row
    in_use = [row for row in results if row.calibration.in_use]
    return next(iter(in_use or results), None)


def _cell_id(shown: InfraredSpectrum) -> int | None:
    metadata = getattr(shown.file, "metadata", None) if shown.file else None
    return metadata.cell_id if metadata else None


@requires(Permission.VIEW)
def spectrum_figure(request: HttpRequest, spectrum_id: int, figure: str) -> JsonResponse:
    """``measured``, ``explained``, ``partial`` or ``composition``; ``?calibration=``."""
    shown = get_object_or_404(InfraredSpectrum, pk=spectrum_id)
    try:
        return JsonResponse(_figure(shown, figure, request.GET.get("calibration", "")))
    except LabError as error:
        return JsonResponse({"error": error.message, "fix": error.fix}, status=409)


def _figure(shown: InfraredSpectrum, figure: str, wanted: str) -> dict[str, Any]:
    if figure == "composition":
        chosen = _chosen(list(shown.compositions.select_related("calibration")), wanted)
        amounts = chosen.amounts if chosen else []
        return plots.composition(amounts, compositions.nominal_of(shown))
    if figure in ("explained", "partial"):
        calibration = (
            Calibration.objects.filter(pk=wanted).first()
            if wanted.isdecimal()
            else compositions.calibration_in_use()
        )
        if calibration is None:
            raise LabError("No calibration is in use.", fix="Make one under FTIR, Calibrations.")
        made = shown.compositions.filter(calibration=calibration).first()
        found = compositions.explain(shown, calibration, made)
        if figure == "partial":
            return plots.partial(found)
        peaks = plots.peaks_of(found.wavenumber_per_cm, found.absorbance, found.components)
        return plots.explained(found, peaks)
    if figure != "measured":
        raise Http404(f"There is no figure {figure}.")
    points = services.points_of(shown)
    return plots.measured(points.wavenumber_per_cm, points.absorbance)


@require_POST
@requires(Permission.EDIT)
def estimate(request: HttpRequest, spectrum_id: int) -> HttpResponse:
    """Judge it now by the calibration in use, with the corrections that are chosen."""
    shown = get_object_or_404(InfraredSpectrum, pk=spectrum_id)
    calibration = compositions.calibration_in_use()
    try:
        if "lot" in request.POST:
            services.set_lot(shown, request.POST["lot"], request.user)
        if "baseline" in request.POST:
            services.set_corrections(
                shown,
                request.POST["baseline"],
                "atr_to_transmission" in request.POST,
                request.user,
            )
        if calibration is None:
            messages.info(request, "Kept. No calibration is in use, so nothing was judged.")
        else:
            compositions.estimate(shown, calibration)
    except LabError as error:
        messages.error(request, str(error))
    return redirect(shown)


@require_POST
@requires(Permission.EDIT)
def estimate_waiting(request: HttpRequest) -> HttpResponse:
    job = compositions.request_estimates(by=request.user, trigger=Job.Trigger.PAGE)
    if job is None:
        messages.info(request, "No spectrum waits for its composition.")
        return redirect("ftir:spectra")
    return redirect(job)


@require_POST
@requires(Permission.CURATE)
def remove(request: HttpRequest, spectrum_id: int) -> HttpResponse:
    shown = get_object_or_404(InfraredSpectrum, pk=spectrum_id)
    try:
        services.remove(shown)
    except LabError as error:
        messages.error(request, str(error))
        return redirect(shown)
    messages.success(request, f"{shown.name} is removed.")
    return redirect("ftir:spectra")


@requires(Permission.VIEW)
def download(request: HttpRequest, spectrum_id: int, encoding: str) -> HttpResponse:
    """The points as CSV or JCAMP-DX."""
    shown = get_object_or_404(InfraredSpectrum.objects.readable(), pk=spectrum_id)
    writers = {"csv": services.as_csv, "jdx": services.as_jcamp}
    if encoding not in writers:
        return JsonResponse({"error": f"There is no format {encoding!r}."}, status=404)
    try:
        content = writers[encoding](shown)
    except LabError as error:
        return JsonResponse({"error": error.message, "fix": error.fix}, status=409)
    kind = "text/csv; charset=utf-8" if encoding == "csv" else "chemical/x-jcamp-dx"
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="spectrum-{shown.pk}.{encoding}"'
    return response
