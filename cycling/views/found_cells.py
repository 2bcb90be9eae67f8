"""What the results of a search show of cycling, composed there by address."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from cells.forms.chosen_cells import ChosenCells
from cycling.services import found_cells

MOST_STATES = 100


@requires(Permission.VIEW)
def cell_sparkline(request: HttpRequest, cell_id: int) -> HttpResponse:
    """A small plot of capacity; a browser that has it asks whether it still holds."""
    etag = f'"{found_cells.preview_mark(cell_id)}"'
    response: HttpResponse
    if request.headers.get("If-None-Match") == etag:
        response = HttpResponseNotModified()
    else:
        picture = found_cells.preview(cell_id, etag.strip('"'))
        response = HttpResponse(picture, content_type="image/svg+xml")
    response["ETag"] = etag
    response["Cache-Control"] = "private, max-age=60"
    return response


@requires(Permission.VIEW)
def import_states(request: HttpRequest) -> HttpResponse:
    """Fragment: which of the cells of a page have files that need importing."""
    asked = [int(text) for text in request.GET.getlist("cell") if text.isdecimal()]
    cell_ids = [cell_id for cell_id in asked if cell_id <= 2_147_483_647][:MOST_STATES]
    states = found_cells.import_states(cell_ids)
    context = {
        "imported": sum(state.imported for state in states),
        "waiting": [state for state in states if state.waiting],
        "failed": [state for state in states if state.failed],
    }
    return render(request, "cycling/import_states.html", context)


@require_POST
@requires(Permission.EDIT)
def reimport_cells(request: HttpRequest) -> HttpResponse:
    """Read the files of ticked cells again, as a job."""
    chosen = ChosenCells(request.POST)
    try:
        cell_ids = chosen.cell_ids()
    except LabError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(f"{reverse('cells:search-tree')}?{chosen.search}")
    job = found_cells.request_reimport(cell_ids, by=request.user, trigger=Job.Trigger.PAGE)
    messages.info(request, "The files are being read again. This page follows it.")
    return redirect(job)
