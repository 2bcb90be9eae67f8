"""Pages that belong to no app: the report of the last night, search, health."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db import readiness, report
from battery_db import search as lab_search
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.tasks import NIGHT

LONGEST_SEARCH = 200


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
        "lab": {**lab, "needs_person": sum(entry["count"] for entry in todo)},
        "todo": todo,
        "is_late": report.night_is_late(),
    }
    return render(request, "pages/last_night.html", context)


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
