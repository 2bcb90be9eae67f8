"""The cycling panel of a cell's page, and the figures in it."""

from django.contrib import messages
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.runs.models import Job
from cycling import plots
from cycling.models import CellState, CycleGroup, CyclingTest
from cycling.quantities import QUANTITIES
from cycling.services import cells as services
from cycling.services import curation, records
from cycling.services.driven import driven_by
from cycling.services.overlaps import overlaps_of_cell

GROUPS_SHOWN = 40


@requires(Permission.VIEW)
def cell_panel(request: HttpRequest, cell_id: int) -> HttpResponse:
    """Fragment: key numbers, capacity by group, groups, voltage curves of chosen cycles."""
    tests = list(
        CyclingTest.objects.filter(file__metadata__cell_id=cell_id, file__deprecated=False)
        .select_related("file__metadata")
        .order_by("file__metadata__start_cycle", "pk")
    )
    # Until the first grouping nothing is known.
    state = CellState.objects.filter(pk=cell_id).first() or CellState(pk=cell_id)
    groups = list(CycleGroup.objects.filter(cell_id=cell_id, irregular=False)[:GROUPS_SHOWN])
    irregular = CycleGroup.objects.filter(cell_id=cell_id, irregular=True)
    quantity = QUANTITIES.get(request.GET.get("quantity", ""), QUANTITIES["discharge_capacity"])
    numbers = services.key_numbers(cell_id)
    context = {
        "cell_id": cell_id,
        "tests": tests,
        "state": state,
        "groups": groups,
        "groups_are_current": services.groups_are_current(cell_id),
        "irregular": irregular.aggregate(groups=Count("pk"), half_cycles=Sum("size")),
        "excluded": curation.excluded_cycles(cell_id),
        "numbers": numbers,
        "overlaps": overlaps_of_cell(cell_id),
        "driven": driven_by(cell_id) if tests else None,
        "quantity": quantity,
        "quantities": QUANTITIES.values(),
        "kind": "dqdv" if request.GET.get("kind") == "dqdv" else "voltage",
        "cycles": request.GET.get("cycles") or services.suggested_cycles(cell_id),
    }
    return render(request, "cycling/cell_panel.html", context)


@requires(Permission.VIEW)
def capacity_figure(request: HttpRequest, cell_id: int, quantity: str) -> JsonResponse:
    """A summary number against cycle number, one colour per group."""
    chosen = QUANTITIES.get(quantity)
    if chosen is None:
        known = ", ".join(QUANTITIES)
        return JsonResponse(
            {"error": f"There is no quantity {quantity!r}.", "fix": f"Choose from {known}."},
            status=404,
        )
    figure = plots.scatter_by_group(
        services.points_by_group(cell_id, chosen, window(request)),
        x_axis="Cycle number",
        y_axis=chosen.axis,
    )
    plots.with_extents(figure, records.extents(cell_id))
    return JsonResponse(plots.zoomable(figure))


@requires(Permission.VIEW)
def record_figure(request: HttpRequest, cell_id: int) -> JsonResponse:
    """Voltage and current over the whole life of the cell; ``?from=&to=`` in hours."""
    span = window(request)
    try:
        record = records.cell_record(cell_id, span and (span[0] * 3600, span[1] * 3600))
    except LabError as error:
        return JsonResponse({"error": error.message, "fix": error.fix}, status=409)
    return JsonResponse(plots.zoomable(plots.overview(*record)))


@requires(Permission.VIEW)
def timeline_figure(request: HttpRequest, cell_id: int) -> JsonResponse:
    """Every file about the cell, of all techniques, against the date."""
    return JsonResponse(plots.timeline(records.timeline(cell_id)))


def window(request: HttpRequest) -> tuple[float, float] | None:
    """The stretch of the x axis that a zoomed plot asks for, or None for all of it."""
    try:
        first, last = float(request.GET["from"]), float(request.GET["to"])
    except (KeyError, ValueError):
        return None
    return (first, last) if first <= last else None


@requires(Permission.VIEW)
def curves_figure(request: HttpRequest, cell_id: int) -> JsonResponse:
    """Voltage against capacity for the cycles named in ``?cycles=1,50,100-102``; with
    ``kind=dqdv`` differential capacity against voltage.
    """
    differential = request.GET.get("kind") == "dqdv"
    try:
        lines = services.voltage_curves(
            cell_id, request.GET.get("cycles", ""), differential=differential
        )
    except LabError as error:
        return JsonResponse({"error": error.message, "fix": error.fix}, status=400)
    draw = plots.differential_curves if differential else plots.voltage_curves
    return JsonResponse(draw(lines))


@require_POST
@requires(Permission.EDIT)
def refresh_cell(request: HttpRequest, cell_id: int) -> HttpResponse:
    job = services.request_refresh(cell_id, by=request.user, trigger=Job.Trigger.PAGE)
    messages.info(request, f"Reading the files of cell {cell_id} now.")
    return redirect(job)


@require_POST
@requires(Permission.CURATE)
def exclude_cycle(request: HttpRequest, cell_id: int) -> HttpResponse:
    """Leave one cycle out of plots, datasets and tensors, or take it back in."""
    try:
        change = curation.exclude_cycles(
            cell_id,
            request.POST.get("cycles", ""),
            reason=request.POST.get("reason", ""),
            restore="restore" in request.POST,
            by=request.user,
        )
    except LabError as error:
        messages.error(request, str(error))
    else:
        word = "taken back in" if "restore" in request.POST else "left out"
        changed = change.half_cycle_count if change else 0
        messages.success(request, f"{changed} half-cycles of cell {cell_id} are {word}.")
    return redirect("cells:cell", cell_id)


@require_POST
@requires(Permission.CURATE)
def set_capacity(request: HttpRequest, cell_id: int) -> HttpResponse:
    """Set the theoretical capacity by hand; an empty value leaves it to the grouping."""
    text = request.POST.get("capacity", "").strip()
    try:
        capacity = float(text) if text else None
        services.set_capacity(cell_id, capacity, by=request.user)
    except ValueError:
        messages.error(request, f"{text[:40]!r} is no number. Write ampere hours, such as 0.225.")
    except LabError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Saved. The cycles are grouped anew the next night.")
    return redirect("cells:cell", cell_id)


@require_POST
@requires(Permission.EDIT)
def name_group(request: HttpRequest, cell_id: int, group_id: int) -> HttpResponse:
    try:
        services.name_group(cell_id, group_id, request.POST.get("name", ""), by=request.user)
    except LabError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "The name of the group is saved.")
    return redirect("cells:cell", cell_id)
