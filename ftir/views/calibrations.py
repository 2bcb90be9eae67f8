"""Calibrations: enter one, fit it, read its report, put it in use, plan the next mixtures."""

import re
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.history import changes_of
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from ftir import plots
from ftir.forms import AddSpectraForm, CalibrationForm, DesignForm, ModelForm, table_text
from ftir.models import Calibration
from ftir.services import calibrations as services
from ftir.services import drafts, fit_settings, plans

SAMPLES_SHOWN = 200
FITTED_SHOWN = 50
CELL = re.compile(r"ratio-(\d+)-(\d+)$")


@requires(Permission.VIEW)
def calibrations(request: HttpRequest) -> HttpResponse:
    rows = Calibration.objects.prefetch_related("parts__molecule")
    return render(request, "ftir/calibrations.html", {"rows": rows[:SAMPLES_SHOWN]})


@requires(Permission.EDIT)
def calibration_new(request: HttpRequest) -> HttpResponse:
    """Upload a table of ratios and the spectra it names."""
    form = CalibrationForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            made = _made(given, request.user)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            count = made.samples.count()
            then = "Fit it next." if count else "Plan which mixtures to weigh."
            messages.success(request, f"{made} has {count} samples. {then}")
            return redirect(made)
    return render(request, "ftir/calibration_form.html", {"form": form})


def _made(given: dict[str, Any], by: Any) -> Calibration:
    table, said = table_text(given), {"kind": given["kind"], "notes": given["notes"], "by": by}
    if table:
        return services.create(given["name"], table, given["spectra"], **said)
    components = [name.strip() for name in given["components"].split(",") if name.strip()]
    with transaction.atomic():
        made = services.start(given["name"], components, **said)
        drafts.add_spectra(made, "", given["spectra"], by=by)
    return made


@requires(Permission.VIEW)
def calibration(request: HttpRequest, calibration_id: int) -> HttpResponse:
    shown = get_object_or_404(
        Calibration.objects.prefetch_related("parts__molecule").select_related("created_by"),
        pk=calibration_id,
    )
    names = shown.component_names
    most = FITTED_SHOWN if shown.state == Calibration.State.READY else SAMPLES_SHOWN
    page = Paginator(shown.samples.select_related("spectrum"), most).get_page(
        request.GET.get("page")
    )
    context = {
        "calibration": shown,
        "names": names,
        "page": page,
        "samples": [(s, s.mass_ratio or [""] * len(names)) for s in page],
        "sample_count": page.paginator.count,
        "errors": _errors(shown, names),
        "methods": _methods(shown),
        "judged": shown.compositions.count(),
        "shared": _range(shown),
        "changes": changes_of(shown),
        "add_form": AddSpectraForm(),
        "model_form": ModelForm(initial=fit_settings.model_of(shown)),
        **_design(request, shown),
    }
    return render(request, "ftir/calibration.html", context)


def _errors(shown: Calibration, names: tuple[str, ...]) -> list[dict[str, Any]]:
    report = shown.report
    if not report:
        return []
    columns = zip(names, report["error"], report["error_95"], report["largest"], strict=True)
    return [
        {
            "component": name,
            "error": 100 * error,
            "error_95": 100 * far,
            "largest": 100 * top,
            "percent": 100 * error / top,
        }
        for name, error, far, top in columns
    ]


def _methods(shown: Calibration) -> list[dict[str, Any]]:
    return [
        {**row, "error": [100 * value for value in row["error"]]}
        for row in shown.report.get("methods", [])
    ]


def _design(request: HttpRequest, shown: Calibration) -> dict[str, Any]:
    form = _design_form(request, shown)
    if not form.is_valid():
        return {"design_form": form}
    try:
        plan = plans.plan(shown, form.cleaned_data["count"], form.limits())
    except LabError as error:
        return {"design_form": form, "design_error": str(error)}
    made = plan.design
    columns = zip(shown.component_names, plan.error_now, plan.error_then, strict=False)
    return {
        "design_form": form,
        "design_query": request.GET.urlencode(),
        "design": [100 * row for row in made.mass_ratio],
        "design_gain": 100 * (1 - made.expected_error / made.expected_error_before),
        "design_errors": [(name, 100 * now, 100 * then) for name, now, then in columns],
    }


def _design_form(request: HttpRequest, shown: Calibration) -> DesignForm:
    data = request.GET if "count" in request.GET else None
    return DesignForm(data, shown.component_names, plans.limits_of(shown))


@requires(Permission.VIEW)
def plan_table(request: HttpRequest, calibration_id: int) -> HttpResponse:
    """The planned mixtures as a table of ratios, to weigh by and to upload again."""
    shown = get_object_or_404(
        Calibration.objects.prefetch_related("parts__molecule"), pk=calibration_id
    )
    form = _design_form(request, shown)
    if not form.is_valid():
        messages.error(request, "Say how many mixtures to plan, then download them.")
        return redirect(shown)
    try:
        plan = plans.plan(shown, form.cleaned_data["count"], form.limits())
    except LabError as error:
        messages.error(request, str(error))
        return redirect(shown)
    return _csv(plans.as_table(shown, plan), "mixtures-to-weigh.csv")


def _range(shown: Calibration) -> services.SharedRange:
    """What was fitted, or would be."""
    kept = shown.report.get("range") if shown.report else None
    return services.SharedRange(**kept) if kept else services.shared_range(shown)


@requires(Permission.VIEW)
def calibration_figure(request: HttpRequest, calibration_id: int, figure: str) -> JsonResponse:
    """``shares``, ``parity``, ``mean``, ``encoder`` or ``modes`` (figures 4.1 to 4.7)."""
    shown = get_object_or_404(Calibration, pk=calibration_id)
    names = shown.component_names
    try:
        if figure == "shares" and shown.report:
            return JsonResponse(plots.by_share(shown.report, names))
        arrays = services.report_arrays(shown)
    except LabError as error:
        return JsonResponse({"error": error.message, "fix": error.fix}, status=409)
    draw = {
        "parity": lambda: plots.parity(arrays, names),
        "mean": lambda: plots.mean_spectrum(arrays),
        "encoder": lambda: plots.encoder(arrays, names),
        "modes": lambda: plots.modes(arrays, names),
    }
    if figure not in draw:
        return JsonResponse({"error": f"There is no figure {figure!r}."}, status=404)
    return JsonResponse(draw[figure]())


@require_POST
@requires(Permission.EDIT)
def set_ratios(request: HttpRequest, calibration_id: int) -> HttpResponse:
    """The grid of known ratios, as typed."""
    shown = get_object_or_404(Calibration, pk=calibration_id)
    width = len(shown.component_names)
    removed = {int(pk) for pk in request.POST.getlist("remove") if pk.isdecimal()}
    grid: dict[int, list[str]] = {}
    for field, value in request.POST.items():
        if (place := CELL.match(field)) and int(place[2]) < width:
            grid.setdefault(int(place[1]), [""] * width)[int(place[2])] = str(value)
    try:
        grid = {pk: row for pk, row in grid.items() if pk not in removed}
        known = drafts.save_grid(shown, grid, removed, by=request.user)
        messages.success(request, f"{known} mixtures are known.")
    except LabError as error:
        messages.error(request, str(error))
    return redirect(_page_of(shown, request))


def _page_of(shown: Calibration, request: HttpRequest) -> str:
    """The page of the samples that the form was on."""
    number = request.POST.get("page", "")
    return shown.get_absolute_url() + (f"?page={number}#samples" if number.isdecimal() else "")


@require_POST
@requires(Permission.EDIT)
def add_spectra(request: HttpRequest, calibration_id: int) -> HttpResponse:
    """Spectra, a table of ratios, or both, for a draft."""
    shown = get_object_or_404(Calibration, pk=calibration_id)
    form = AddSpectraForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, " ".join(str(e) for es in form.errors.values() for e in es))
        return redirect(shown)
    given = form.cleaned_data
    try:
        added = drafts.add_spectra(shown, table_text(given), given["spectra"], by=request.user)
        messages.success(request, f"{added} samples were added.")
    except LabError as error:
        messages.error(request, str(error))
    return redirect(shown)


@require_POST
@requires(Permission.EDIT)
def delete(request: HttpRequest, calibration_id: int) -> HttpResponse:
    """Delete a draft with the spectra that only it held."""
    shown = get_object_or_404(Calibration, pk=calibration_id)
    try:
        drafts.delete(shown)
    except LabError as error:
        messages.error(request, str(error))
        return redirect(shown)
    messages.success(request, f"{shown} was deleted.")
    return redirect("ftir:calibrations")


@require_POST
@requires(Permission.EDIT)
def set_model(request: HttpRequest, calibration_id: int) -> HttpResponse:
    """Range, model and penalties of a draft, as typed."""
    shown = get_object_or_404(Calibration, pk=calibration_id)
    form = ModelForm(request.POST)
    if not form.is_valid():
        for name, errors in form.errors.items():
            label = form.fields[name].label if name in form.fields else name
            messages.error(request, f"{label}: {' '.join(map(str, errors))}")
        return redirect(shown)
    try:
        fit_settings.set_model(shown, form.cleaned_data, request.user)
        messages.success(request, "The model is set. Fit it next.")
    except LabError as error:
        messages.error(request, str(error))
    return redirect(shown)


@require_POST
@requires(Permission.CURATE)
def make_demonstration(request: HttpRequest) -> HttpResponse:
    """For a lab without a calibration of its own."""
    return redirect(services.request_demonstration(by=request.user, trigger=Job.Trigger.PAGE))


@require_POST
@requires(Permission.EDIT)
def fit(request: HttpRequest, calibration_id: int) -> HttpResponse:
    shown = get_object_or_404(Calibration, pk=calibration_id)
    try:
        job = services.request_fit(shown, use=False, by=request.user, trigger=Job.Trigger.PAGE)
    except LabError as error:
        messages.error(request, str(error))
        return redirect(shown)
    return redirect(job)


@require_POST
@requires(Permission.CURATE)
def put_in_use(request: HttpRequest, calibration_id: int) -> HttpResponse:
    """Judge by it from now on; spectra that others judged are judged again as a job."""
    from ftir.services import compositions

    shown = get_object_or_404(Calibration, pk=calibration_id)
    try:
        services.put_in_use(shown)
    except LabError as error:
        messages.error(request, str(error))
        return redirect(shown)
    messages.success(request, f"{shown} judges spectra from now on.")
    compositions.request_estimates(by=request.user, trigger=Job.Trigger.PAGE)
    return redirect(shown)


@require_POST
@requires(Permission.EDIT)
def new_version(request: HttpRequest, calibration_id: int) -> HttpResponse:
    shown = get_object_or_404(
        Calibration.objects.prefetch_related("parts__molecule"), pk=calibration_id
    )
    return redirect(services.new_version(shown, request.user))


@requires(Permission.VIEW)
def template(request: HttpRequest) -> HttpResponse:
    return _csv(services.template(), "mass-ratios.csv")


def _csv(text: str, filename: str) -> HttpResponse:
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
