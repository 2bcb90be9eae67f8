"""Pages about jobs: what runs, how far it is, how it ended, and why."""

from typing import Any

from django.contrib import messages
from django.db.models import Case, Count, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST
from django_tables2 import RequestConfig

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, allows, requires
from battery_db.lib.runs import health, services
from battery_db.lib.runs.models import Job
from battery_db.lib.runs.tables import JobFilter, JobTable, clock, who_asked

LINES_SHOWN = 300
PARTS_SHOWN = 100
WIDGET_SHOWN = 4
# What a person looks for comes first.
STATES_BY_INTEREST = (
    Job.State.FAILED,
    Job.State.RUNNING,
    Job.State.WAITING,
    Job.State.QUEUED,
    Job.State.CANCELLED,
)


@requires(Permission.VIEW)
def jobs(request: HttpRequest) -> HttpResponse:
    rows = Job.objects.top_level().select_related("requested_by").defer("memory", "result")
    chosen = JobFilter(request.GET, queryset=rows)
    table = JobTable(chosen.qs)
    RequestConfig(request, paginate={"per_page": 50}).configure(table)
    context = {
        "filter": chosen,
        "table": table,
        "is_filtered": any(request.GET.get(name) for name in chosen.filters),
        "is_stalled": health.jobs_are_stalled(),
    }
    return render(request, "runs/jobs.html", context)


@requires(Permission.VIEW)
def job(request: HttpRequest, job_id: str) -> HttpResponse:
    """The page of a job; for htmx the part that changes while it runs."""
    rows = Job.objects.select_related("requested_by", "parent")
    template = "runs/_job.html" if getattr(request, "htmx", False) else "runs/job.html"
    return render(request, template, _job_context(request, get_object_or_404(rows, pk=job_id)))


@require_POST
@requires(Permission.EDIT)
def cancel(request: HttpRequest, job_id: str) -> HttpResponse:
    job = get_object_or_404(Job, pk=job_id)
    try:
        services.cancel(job)
    except LabError as error:
        messages.error(request, str(error))
    else:
        messages.info(request, "The job has been asked to stop.")
    return redirect(job)


@require_POST
@requires(Permission.EDIT)
def retry(request: HttpRequest, job_id: str) -> HttpResponse:
    job = get_object_or_404(Job, pk=job_id)
    try:
        again = services.retry(job, by=request.user)
    except LabError as error:
        messages.error(request, str(error))
        return redirect(job)
    messages.info(request, "Started again, as a job of its own.")
    return redirect(again)


@requires(Permission.VIEW)
def widget(request: HttpRequest) -> HttpResponse:
    """How many jobs are active, and how far the newest are; asked for by every open page."""
    active = (
        Job.objects.active()
        .top_level()
        .only("title", "state", "progress_done", "progress_total", "progress_text")
    )
    newest = list(active[: WIDGET_SHOWN + 1])
    count = active.count() if len(newest) > WIDGET_SHOWN else len(newest)
    context = {"jobs": newest[:WIDGET_SHOWN], "count": count}
    return render(request, "runs/_widget.html", context)


def _job_context(request: HttpRequest, job: Job) -> dict[str, Any]:
    interest = Case(
        *(When(state=state, then=Value(place)) for place, state in enumerate(STATES_BY_INTEREST)),
        default=Value(len(STATES_BY_INTEREST)),
        output_field=IntegerField(),
    )
    parts = list(
        job.children.defer("memory", "result").order_by(interest, "created_at")[:PARTS_SHOWN]
    )
    counts = (
        job.children.order_by().values_list("state").annotate(number=Count("pk")) if parts else []
    )
    lines = list(job.log_lines.order_by("-pk")[:LINES_SHOWN])
    duration = job.duration
    may_edit = allows(request.user, Permission.EDIT)
    return {
        "job": job,
        "parts": parts,
        "part_counts": [(Job.State(state), number) for state, number in counts],
        "lines": lines[::-1],
        "is_cut": len(lines) == LINES_SHOWN,
        "result": [(name.replace("_", " "), value) for name, value in _plain(job.result)],
        "duration": clock(duration) if duration else "",
        "who": who_asked(job),
        "can_cancel": may_edit and job.is_active and not job.cancel_requested,
        "can_retry": may_edit and job.state in services.RETRIED_STATES,
    }


def _plain(result: dict[str, Any]) -> list[tuple[str, Any]]:
    """The entries of a result that read well in one line."""
    return [
        (name, value)
        for name, value in result.items()
        if isinstance(value, int | float | str) and len(str(value)) < 200
    ]
