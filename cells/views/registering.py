"""Register many cells in a grid: the page, and what the grid would do."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from cells.forms.nodes import ROLES, UNITS
from cells.models import DryCell, DryCellLot, Molecule, MoleculeLot
from cells.registration import MOST_ROWS
from cells.services import bulk_registration
from cells.views.registry import SHOWN_ROWS

SUGGESTED = 300


class GridForm(forms.Form):
    """What the grid sends: its content as a table."""

    text = forms.CharField(strip=False)
    replace = forms.BooleanField(required=False)


@requires(Permission.EDIT)
def register(request: HttpRequest) -> HttpResponse:
    """The grid of the thesis' Figures 5.29 and 5.30, filled in the browser."""
    boxes = DryCellLot.objects.order_by("-pk").values_list("box_id", flat=True)[:SUGGESTED]
    dry_cells = DryCell.objects.order_by("-pk").values_list("name", flat=True)[:SUGGESTED]
    lots = MoleculeLot.objects.order_by("-pk").values_list("name", flat=True)[:SUGGESTED]
    context = {
        "bodies": [*boxes, *dry_cells],
        "molecules": [*Molecule.objects.values_list("name", flat=True), *lots],
        "roles": ROLES,
        "units": UNITS,
        "most_rows": MOST_ROWS,
    }
    return render(request, "cells/registry/register.html", context)


@require_POST
@requires(Permission.EDIT)
def check(request: HttpRequest) -> HttpResponse:
    """A verdict for each row of the grid. Nothing is written."""
    form = GridForm(request.POST)
    if not form.is_valid():
        error = LabError("The grid is empty.", fix="Give Cell IDs, then change the defaults.")
        return render(request, "cells/registry/_grid_plan.html", {"error": error})
    values = form.cleaned_data
    try:
        plan = bulk_registration.plan_registration(values["text"], replace=values["replace"])
    except LabError as error:
        return render(request, "cells/registry/_grid_plan.html", {"error": error})
    context = {
        "plan": plan,
        "table_text": values["text"],
        "replace": values["replace"],
        "shown": (plan.blocked or plan.rows)[:SHOWN_ROWS],
    }
    return render(request, "cells/registry/_grid_plan.html", context)
