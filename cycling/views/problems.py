"""Potential problems, and the troubleshooter that asks what is missing."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from cycling.problems import KINDS
from cycling.services import problems as services

PER_PAGE = 25


@requires(Permission.VIEW)
def problems_panel(request: HttpRequest) -> HttpResponse:
    """Fragment for the work list: what the last night found, by kind."""
    kind = request.GET.get("kind", "")
    dismissed = request.GET.get("dismissed") == "1"
    rows = services.open_problems(kind, dismissed=dismissed)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(KINDS.get(row.kind, row.kind), row) for row in page],
        "counts": services.counts(),
        "kind": kind if kind in KINDS else "",
        "dismissed": dismissed,
    }
    return render(request, "cycling/problems_panel.html", context)


@require_POST
@requires(Permission.EDIT)
def find_problems(request: HttpRequest) -> HttpResponse:
    return redirect(services.request_search(by=request.user, trigger=Job.Trigger.PAGE))


@require_POST
@requires(Permission.CURATE)
def dismiss_problem(request: HttpRequest, problem_id: int) -> HttpResponse:
    """Put a problem aside with a reason, or take it up again."""
    try:
        if "restore" in request.POST:
            services.restore(problem_id, by=request.user)
        else:
            services.dismiss(problem_id, request.POST.get("reason", ""), by=request.user)
    except LabError as error:
        messages.error(request, str(error))
    else:
        word = "taken up again" if "restore" in request.POST else "dismissed"
        messages.success(request, f"The problem is {word}.")
    return redirect("cells:problems")


@requires(Permission.VIEW)
def troubleshoot(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("q", "")
    context: dict[str, Any] = {"q": text, "sections": []}
    if text.strip():
        try:
            context["sections"] = services.troubleshoot(text)
        except LabError as error:
            context["error"] = str(error)
    return render(request, "cycling/troubleshoot.html", context)
