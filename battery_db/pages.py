"""Pages that belong to no app: the report of the last night, search, health."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db import outcomes, readiness, report
from battery_db import search as lab_search
from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.spreadsheets import csv_lines
from battery_db.tasks import NIGHT
from cells.models import Folder

LONGEST_SEARCH = 200
FILES_PER_PAGE = 50


@requires(Permission.VIEW)
def last_night(request: HttpRequest, job_id: str | None = None) -> HttpResponse:
    nights = report.nights()
    shown: Job | None
    if job_id is not None:
        shown = get_object_or_404(Job, kind=NIGHT, pk=job_id)
    else:
        # A night that runs now is shown as such; before it has ended the last finished
        # one still is what people come for.
        shown = next((night for night in nights if not night.is_active), None)
    lab = report.lab_now()
    todo = report.needs_person(lab)
    night = report.report_of(shown) if shown else None
    context = {
        "nights": nights,
        "running": next((night for night in nights if night.is_active), None),
        "report": night,
        "lines": report.lines_of(night) if night else [],
        "reasons": report.reasons_of(night) if night else [],
        "outcomes": report.outcomes_of(night) if night else [],
        "lab": {**lab, "needs_person": sum(entry["count"] for entry in todo)},
        "todo": todo,
        "is_late": report.night_is_late(),
    }
    return render(request, "pages/last_night.html", context)


def _folders() -> list[tuple[str, str]]:
    return [("", "any"), *((name, name) for name in Folder.objects.values_list("name", flat=True))]


class NightFilesForm(forms.Form):
    """Which files of a night's list are shown. Nothing is required: an empty form is all."""

    q = forms.CharField(
        label="Words in path or reason",
        required=False,
        max_length=LONGEST_SEARCH,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "ndax unit"}),
    )
    outcome = forms.ChoiceField(required=False, choices=[("", "any"), *outcomes.OUTCOMES.items()])
    folder = forms.ChoiceField(required=False, choices=_folders)
    new = forms.BooleanField(label="Of this night only", required=False)

    def asked(self) -> outcomes.Asked:
        """What was asked; a choice that does not exist asks nothing."""
        found = self.cleaned_data if self.is_valid() else {}
        return outcomes.Asked(
            words=found.get("q", ""),
            outcome=found.get("outcome", ""),
            folder=found.get("folder", ""),
            only_new=found.get("new", False),
        )


@requires(Permission.VIEW)
def night_files(request: HttpRequest, job_id: str) -> HttpResponse:
    """What became of each file in a night, and why."""
    job = get_object_or_404(Job, kind=NIGHT, pk=job_id)
    form = NightFilesForm(request.GET)
    context: dict[str, Any] = {"job": job, "filter": {"form": form}}
    try:
        rows = outcomes.read(job, form.asked())
    except LabError as error:
        context["error"] = error
    else:
        context["page"] = Paginator(rows, FILES_PER_PAGE).get_page(request.GET.get("page"))
        context["unchanged"] = job.result["files"]["unchanged"]
    return render(request, "pages/night_files.html", context)


@requires(Permission.VIEW)
def night_files_csv(request: HttpRequest, job_id: str) -> HttpResponse | StreamingHttpResponse:
    """The same rows as a table, streamed."""
    job = get_object_or_404(Job, kind=NIGHT, pk=job_id)
    try:
        rows = outcomes.read(job, NightFilesForm(request.GET).asked())
    except LabError as error:
        messages.error(request, str(error))
        return redirect("files-of-night", job_id=job_id)
    response = StreamingHttpResponse(
        csv_lines(rows.table()), content_type="text/csv; charset=utf-8"
    )
    name = f"night-{job.created_at:%Y-%m-%d}-files.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_POST
@requires(Permission.EDIT)
def start_night(request: HttpRequest) -> HttpResponse:
    job = engine.enqueue(NIGHT, trigger=Job.Trigger.PAGE, by=request.user, key=NIGHT)
    messages.info(request, "The nightly run has been started. This page follows it.")
    return redirect(job)


@requires(Permission.VIEW)
def search(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "").strip()[:LONGEST_SEARCH]
    if cell_url := lab_search.only_cell(text):
        return redirect(cell_url)
    context = {"text": text, "sections": lab_search.sections(text) if text else []}
    return render(request, "pages/search.html", context)


@requires(Permission.PUBLIC)
def healthz(request: HttpRequest) -> HttpResponse:
    """This process answers; nothing else is asked."""
    return HttpResponse("ok", content_type="text/plain")


@requires(Permission.PUBLIC)
def readyz(request: HttpRequest) -> JsonResponse:
    """503 while the database, the broker or the disk can not serve people.

    A late sweep (no scheduler or no worker) is told but does not take pages down.
    """
    checks = readiness.checks()
    ready = all(checks[name] for name in readiness.VITAL)
    return JsonResponse({"ready": ready, **checks}, status=200 if ready else 503)
