"""Fix bad cycles: choose half-cycles on a plot, leave them out or take them back in."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from cycling import plots
from cycling.models import Polarity
from cycling.quantities import HALF_CYCLE_QUANTITIES, Quantity
from cycling.services import curation as services
from cycling.services import flags

ANOMALIES_SHOWN = 30
REGION = ("first_cycle", "last_cycle", "minimum", "maximum")


@requires(Permission.VIEW, POST=Permission.CURATE)
def fix_cycles(request: HttpRequest, cell_id: int) -> HttpResponse:
    if request.method == "POST":
        return _save(request, cell_id)
    context = {
        "cell_id": cell_id,
        "quantity": _quantity(request),
        "quantities": [quantity for quantity, _ in HALF_CYCLE_QUANTITIES.values()],
        "polarity": _polarity(request.GET.get("polarity", Polarity.DISCHARGE)),
        "polarities": Polarity.choices,
        "excluded": services.excluded_cycles(cell_id),
        "changes": services.changes_of_cell(cell_id),
        "anomalies": flags.anomalies(cell_id, ANOMALIES_SHOWN),
    }
    return render(request, "cycling/fix_cycles.html", context)


@requires(Permission.VIEW)
def fix_figure(request: HttpRequest, cell_id: int) -> JsonResponse:
    quantity = _quantity(request)
    polarity = _polarity(request.GET.get("polarity", ""))
    points = services.curation_points(cell_id, quantity, polarity)
    overview = "overview" in request.GET
    return JsonResponse(plots.curation_figure(points, quantity, overview=overview))


@require_POST
@requires(Permission.CURATE)
def undo_change(request: HttpRequest, cell_id: int, change_id: int) -> HttpResponse:
    try:
        count = services.undo(cell_id, change_id, by=request.user)
    except LabError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Undone: {count} half-cycles are as they were before.")
    return redirect("cycling:fix-cycles", cell_id)


def _save(request: HttpRequest, cell_id: int) -> HttpResponse:
    restore = "restore" in request.POST
    try:
        change = services.exclude_half_cycles(
            cell_id,
            _chosen(request, cell_id),
            reason=request.POST.get("reason", ""),
            restore=restore,
            by=request.user,
        )
    except LabError as error:
        messages.error(request, str(error))
    else:
        word = "taken back in" if restore else "left out"
        changed = change.half_cycle_count if change else 0
        messages.success(request, f"{changed} half-cycles of cell {cell_id} are {word}.")
    back = redirect("cycling:fix-cycles", cell_id)
    back["Location"] += f"?quantity={_quantity(request).name}&polarity={_polarity_sent(request)}"
    return back


def _chosen(request: HttpRequest, cell_id: int) -> list[int]:
    """Ids drawn on the plot, else those of the typed region."""
    drawn = request.POST.get("half_cycles", "")
    if drawn:
        return [int(part) for part in drawn.split(",") if part.isdecimal()]
    first, last, minimum, maximum = (_number(request.POST, name) for name in REGION)
    if first is None or last is None:
        return []
    region = services.Region(
        _quantity(request), first, last, minimum, maximum, _polarity_sent(request)
    )
    return services.half_cycles_in(cell_id, region)


def _number(sent: Any, name: str) -> float | None:
    text = sent.get(name, "").strip()
    try:
        return float(text) if text else None
    except ValueError as error:
        raise LabError(
            f"{name.replace('_', ' ').capitalize()}: {text[:40]!r} is no number.",
            fix="Write for example 17 or 0.2.",
        ) from error


def _quantity(request: HttpRequest) -> Quantity:
    sent = request.POST if request.method == "POST" else request.GET
    known = HALF_CYCLE_QUANTITIES
    return known.get(sent.get("quantity", ""), known["capacity"])[0]


def _polarity(value: str) -> str:
    return value if value in Polarity.values else ""


def _polarity_sent(request: HttpRequest) -> str:
    return _polarity(request.POST.get("polarity", ""))
