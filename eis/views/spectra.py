"""The list of spectra, and the page of one: plots, fit, checks, masking, review."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from eis.circuit_svg import circuit_svg
from eis.circuits import NAMED_CIRCUITS, parse_circuit
from eis.models import CircuitFit, ImpedanceSpectrum
from eis.services import figures, fits
from eis.services import spectra as services
from eis.services.circuits import FAMILIES, all_titles, lab_circuit, title_of
from eis.views.filters import choices, filters_of

PER_PAGE = 50
SORTS = {
    "newest": ("-source__imported_at", "source", "number"),
    "worst": (F("scaled_error").desc(nulls_last=True), "pk"),
    "cell": ("source__file__metadata__cell_id", "source", "number"),
}


@requires(Permission.VIEW)
def spectra(request: HttpRequest) -> HttpResponse:
    """Every spectrum in use, with its fit; ``?sort=`` and the filters of ``filters``."""
    sort = request.GET.get("sort", "newest")
    filters = filters_of(request.GET)
    found = filters.spectra().order_by(*SORTS.get(sort, SORTS["newest"]))
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    query = request.GET.copy()
    query.pop("page", None)
    context = {
        "page": page,
        "query": query.urlencode(),
        "sort": sort,
        "filters": filters,
        **choices(),
    }
    return render(request, "eis/spectra.html", context)


@requires(Permission.VIEW)
def spectrum(request: HttpRequest, spectrum_id: int) -> HttpResponse:
    shown = get_object_or_404(
        ImpedanceSpectrum.objects.with_cycle().select_related("source__file__metadata"),
        pk=spectrum_id,
    )
    context = page_of(shown)
    fit = context["fit"]
    context["equivalents"] = fits.equivalents_of(fit) if fit else []
    return render(request, "eis/spectrum.html", context)


@requires(Permission.VIEW)
def pending(request: HttpRequest, spectrum_id: int) -> HttpResponse:
    """Fragment: that a fit of this spectrum is under way; its end reloads the page."""
    shown = get_object_or_404(ImpedanceSpectrum, pk=spectrum_id)
    job = services.fit_under_way(shown)
    if job is None:
        return HttpResponse(headers={"HX-Refresh": "true"})
    return render(request, "eis/_pending.html", {"spectrum": shown, "pending": job})


def page_of(shown: ImpedanceSpectrum) -> dict[str, Any]:
    """What the page of a spectrum and the review show of it."""
    all_fits = list(shown.fits.order_by("-is_chosen", "-fitted_at"))
    fit = all_fits[0] if all_fits and all_fits[0].is_chosen else None
    titles, chosen_text = all_titles(), shown.circuit or lab_circuit().text
    return {
        "spectrum": shown,
        "file": shown.source.file,
        "fit": fit,
        "fit_title": titles.get(fit.circuit, fit.circuit) if fit else "",
        "fits": _compared(shown, all_fits, titles),
        "families": FAMILIES,
        "parameters": fits.parameter_rows(fit) if fit else [],
        "arcs": fits.arcs_of(fit) if fit else [],
        "circuit": chosen_text,
        "circuit_title": titles.get(chosen_text, chosen_text),
        "named": [*dict.fromkeys([*NAMED_CIRCUITS, *titles.values()])],
        "decisions": list(shown.decisions.select_related("made_by", "undone_by")[:20]),
        "kinds": figures.KINDS,
        "drawing": circuit_svg(parse_circuit(fit.circuit)) if fit else "",
        "siblings": _siblings(shown),
        "pending": services.fit_under_way(shown),
    }


def _compared(
    shown: ImpedanceSpectrum, fits: list[CircuitFit], titles: dict[str, str]
) -> list[dict[str, Any]]:
    """Fits of a spectrum, the best by the criterion first; those of other points say so."""
    known = [fit.criterion for fit in fits if fit.criterion is not None]
    rows = [
        {
            "fit": fit,
            "title": titles.get(fit.circuit, fit.circuit),
            "count": len(fit.parameters),
            "above": None if fit.criterion is None else fit.criterion - min(known),
            "is_of_today": fit.is_chosen or services.is_of_today(fit, shown),
        }
        for fit in fits
    ]
    return sorted(rows, key=lambda row: (row["above"] is None, row["above"] or 0.0))


def _siblings(shown: ImpedanceSpectrum) -> dict[str, ImpedanceSpectrum | None]:
    others = ImpedanceSpectrum.objects.filter(source=shown.source)
    return {
        "before": others.filter(number__lt=shown.number).order_by("-number").first(),
        "after": others.filter(number__gt=shown.number).order_by("number").first(),
    }


@requires(Permission.VIEW)
def figure(request: HttpRequest, spectrum_id: int, plot: str) -> JsonResponse:
    """Nyquist, Bode, residuals, Kramers-Kronig residuals or relaxation times."""
    shown = get_object_or_404(ImpedanceSpectrum.objects.select_related("source"), pk=spectrum_id)
    if plot not in figures.KINDS:
        known = ", ".join(figures.KINDS)
        return JsonResponse(
            {"error": f"There is no figure {plot!r}.", "fix": f"Choose from {known}."}, status=404
        )
    try:
        return JsonResponse(figures.figure_of(shown, plot))
    except LabError as error:
        return JsonResponse({"error": error.message, "fix": error.fix}, status=409)


@require_POST
@requires(Permission.CURATE)
def mask(request: HttpRequest, spectrum_id: int) -> HttpResponse:
    """Leave points out of the fit, or take them back in, and fit again."""
    shown = get_object_or_404(ImpedanceSpectrum, pk=spectrum_id)
    places = [int(part) for part in request.POST.get("points", "").split(",") if part.isdecimal()]
    restore = "restore" in request.POST
    try:
        count, job = services.mask_and_fit(
            shown,
            places,
            reason=request.POST.get("reason", ""),
            restore=restore,
            by=request.user,
            trigger=Job.Trigger.PAGE,
        )
    except LabError as error:
        messages.error(request, str(error))
    else:
        word = "taken back in" if restore else "masked"
        messages.success(request, f"{count} points are {word}; the spectrum is fitted again.")
        return _after(request, shown, job)
    return _after(request, shown)


@require_POST
@requires(Permission.CURATE)
def decide(request: HttpRequest, spectrum_id: int) -> HttpResponse:
    """Accept or reject a fit, or open it again."""
    shown = get_object_or_404(ImpedanceSpectrum, pk=spectrum_id)
    try:
        verdict = request.POST.get("verdict", "")
        services.review(shown, verdict, reason=request.POST.get("reason", ""), by=request.user)
    except LabError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{shown}: {shown.get_review_display()}.")
    return _after(request, shown)


@require_POST
@requires(Permission.EDIT)
def refit(request: HttpRequest, spectrum_id: int) -> HttpResponse:
    """Fit now, with a circuit that is kept for this spectrum."""
    shown = get_object_or_404(ImpedanceSpectrum, pk=spectrum_id)
    try:
        services.choose_circuit(shown, request.POST.get("circuit", ""), by=request.user)
        job = services.request_fit([shown.pk], by=request.user, trigger=Job.Trigger.PAGE)
    except LabError as error:
        messages.error(request, str(error))
        return _after(request, shown)
    return _after(request, shown, job)


@require_POST
@requires(Permission.EDIT)
def compare(request: HttpRequest, spectrum_id: int) -> HttpResponse:
    """Fit a family of circuits and say which one the spectrum speaks for."""
    shown = get_object_or_404(ImpedanceSpectrum, pk=spectrum_id)
    family = request.POST.get("family", "")
    try:
        job = services.request_comparison(
            [shown.pk], family, by=request.user, trigger=Job.Trigger.PAGE
        )
    except LabError as error:
        messages.error(request, str(error))
        return _after(request, shown)
    return _after(request, shown, job)


@require_POST
@requires(Permission.EDIT)
def use(request: HttpRequest, spectrum_id: int, fit_id: int) -> HttpResponse:
    """Show one of the fits that are there, and keep its circuit for this spectrum."""
    shown = get_object_or_404(ImpedanceSpectrum.objects.select_related("source"), pk=spectrum_id)
    fit = get_object_or_404(CircuitFit, pk=fit_id, spectrum=shown)
    job = services.use_fit(shown, fit, by=request.user, trigger=Job.Trigger.PAGE)
    messages.success(request, f"{title_of(fit.circuit)} is the circuit of this spectrum.")
    return _after(request, shown, job)


@require_POST
@requires(Permission.CURATE)
def undo(request: HttpRequest, spectrum_id: int, decision_id: int) -> HttpResponse:
    shown = get_object_or_404(ImpedanceSpectrum, pk=spectrum_id)
    try:
        decision = services.undo(shown, decision_id, by=request.user)
        if decision.kind != decision.Kind.REVIEW:
            services.request_fit([shown.pk], by=request.user, trigger=Job.Trigger.PAGE)
    except LabError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Undone: {decision}.")
    return _after(request, shown)


@requires(Permission.VIEW)
def points(request: HttpRequest, spectrum_id: int, encoding: str) -> HttpResponse:
    """The points of a spectrum, with the fit where there is one, as CSV or Parquet."""
    shown = get_object_or_404(ImpedanceSpectrum.objects.select_related("source"), pk=spectrum_id)
    try:
        content = fits.as_bytes(figures.table_of(shown), encoding)
    except LabError as error:
        messages.error(request, str(error))
        return redirect(shown)
    kind = "text/csv" if encoding == "csv" else "application/vnd.apache.parquet"
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="spectrum-{shown.pk}.{encoding}"'
    return response


def _after(request: HttpRequest, shown: ImpedanceSpectrum, job: Job | None = None) -> HttpResponse:
    """Back to where the person was: the review, or the page of the spectrum or its job."""
    place = request.POST.get("next", "")
    if place and url_has_allowed_host_and_scheme(place, allowed_hosts={request.get_host()}):
        return redirect(place)
    return redirect(job or shown)
