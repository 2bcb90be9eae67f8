"""Pages of wet cells: search, one cell, registering one or many."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_tables2 import RequestConfig

from battery_db.lib.errors import LabError
from battery_db.lib.history import changes_of
from battery_db.lib.permissions import Permission, allows, requires
from cells.forms.chosen_cells import ChosenCells, found_by_text
from cells.forms.registry import (
    AddToDatasetForm,
    CellSearchForm,
    RegisterTableForm,
    WetCellForm,
)
from cells.models import FileMetadata, WetCell
from cells.registration import MOLECULE_TEMPLATE, TEMPLATE
from cells.search import in_words
from cells.services import bulk_registration, materials, nodes, registry
from cells.tables.registry import CellTable
from cells.views.adding import add_chosen

PER_PAGE = 50
SHOWN_ROWS = 200


@requires(Permission.VIEW)
def cells(request: HttpRequest) -> HttpResponse:
    """Search by the address alone, so that every result can be shared."""
    form = CellSearchForm(request.GET)
    valid = form.is_valid()
    found = WetCell.objects.matching(form.query) if valid else WetCell.objects.none()
    can_edit = allows(request.user, Permission.EDIT)
    table = CellTable(found.for_table(), can_choose=can_edit, request=request)
    RequestConfig(request, paginate={"per_page": PER_PAGE}).configure(table)
    table.count_files()
    context = {
        "form": form,
        "table": table,
        "asked": in_words(form.query) if valid else [],
        "unregistered": registry.unregistered_with_files(form.query.cell_ids) if valid else [],
        "add_form": AddToDatasetForm() if can_edit else None,
        "is_empty_lab": not table.paginator.count and not request.GET,
    }
    return render(request, "cells/registry/cells.html", context)


@require_POST
@requires(Permission.EDIT)
def add_to_dataset(request: HttpRequest) -> HttpResponse:
    """Put ticked cells, or all that a search finds, into a dataset."""
    chosen = ChosenCells(request.POST, found_by_text)
    return add_chosen(request, chosen, f"{reverse('cells:cells')}?{chosen.search}")


@requires(Permission.VIEW)
def cell(request: HttpRequest, cell_id: int) -> HttpResponse:
    """One cell. A number that only files speak of has a page too, with a way to register it."""
    found = WetCell.objects.with_names().filter(cell_id=cell_id)
    wet_cell = found.first()
    files = (
        FileMetadata.objects.filter(cell_id=cell_id)
        .select_related("file", "file__folder")
        .order_by("start_cycle", "date", "file__name")
    )
    context: dict[str, Any] = {"cell_id": cell_id, "files": files}
    if wet_cell is None:
        status = 200 if files else 404
        return render(request, "cells/registry/unregistered.html", context, status=status)
    context |= {
        "cell": wet_cell,
        "memberships": wet_cell.memberships.select_related("dataset"),
        "changes": changes_of(wet_cell),
    }
    return render(request, "cells/registry/cell.html", context)


@requires(Permission.EDIT)
def cell_new(request: HttpRequest) -> HttpResponse:
    form = WetCellForm(request.POST or None, initial={"cell_id": request.GET.get("cell_id")})
    if request.method == "POST" and form.is_valid():
        try:
            values = _with_nodes(form.cleaned_data, request.user)
            made = registry.register_cell(**values, by=request.user)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{made} is registered.")
            return redirect(made)
    context = {"form": form, "cancel": reverse("cells:cells")}
    return render(request, "cells/registry/cell_form.html", context)


@requires(Permission.EDIT)
def cell_edit(request: HttpRequest, cell_id: int) -> HttpResponse:
    row = get_object_or_404(WetCell, cell_id=cell_id)
    initial = {
        "cell_id": row.cell_id,
        "electrolyte": row.filling.name if row.filling else "",
        "dry_cell": row.body.name if row.body else "",
        "notes": row.notes,
        "proprietary": row.proprietary,
    }
    form = WetCellForm(request.POST or None, initial=initial, registered=True)
    if request.method == "POST" and form.is_valid():
        try:
            values = _with_nodes(form.cleaned_data, request.user)
            del values["cell_id"]
            registry.edit_cell(row, **values, by=request.user)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{row} is saved.")
            return redirect(row)
    context = {"form": form, "cell": row, "cancel": row.get_absolute_url()}
    return render(request, "cells/registry/cell_form.html", context)


@requires(Permission.CURATE)
def cell_delete(request: HttpRequest, cell_id: int) -> HttpResponse:
    row = get_object_or_404(WetCell, cell_id=cell_id)
    what = "Its files and cycles stay, under the number alone."
    return confirm_delete(request, row, reverse("cells:cells"), what)


@requires(Permission.EDIT)
def register_csv(request: HttpRequest) -> HttpResponse:
    """A table, then what it would do, then all of it or nothing."""
    if request.GET.get("template"):
        template = MOLECULE_TEMPLATE if request.GET["template"] == "molecules" else TEMPLATE
        response = HttpResponse(template, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="wet_cells.csv"'
        return response
    form = RegisterTableForm(request.POST or None, request.FILES or None)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        replace = form.cleaned_data["replace"]
        try:
            if "confirm" in request.POST:
                plan = bulk_registration.register_table(
                    form.table, replace=replace, by=request.user
                )
                messages.success(request, _registered(plan))
                return redirect("cells:cells")
            plan = bulk_registration.plan_registration(form.table, replace=replace)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            context |= {"plan": plan, "table_text": form.table, "replace": replace}
            context["shown"] = (plan.blocked or plan.rows)[:SHOWN_ROWS]
    return render(request, "cells/registry/register_csv.html", context)


def confirm_delete(request: HttpRequest, row: Any, back: str, what: str = "") -> HttpResponse:
    """Ask, then delete; what is in use is refused with the list of what uses it."""
    if request.method == "POST":
        name = str(row)
        try:
            nodes.delete_if_unused(row, by=request.user)
        except LabError as error:
            messages.error(request, str(error))
            return redirect(request.path)
        messages.success(request, f"{name} is deleted.")
        return HttpResponseRedirect(back)
    context = {"row": row, "what": what, "kind": row._meta.verbose_name, "back": back}
    return render(request, "cells/registry/confirm_delete.html", context)


def _with_nodes(values: dict[str, Any], by: Any) -> dict[str, Any]:
    """The form's values with its texts as the nodes they name."""
    filling = body = None
    if values["electrolyte"]:
        electrolyte, lot = materials.filling_of(values["electrolyte"], by=by)
        filling = lot or electrolyte
    if values["dry_cell"]:
        dry_cell, box = nodes.find_node("dry-cell", values["dry_cell"])
        body = box or dry_cell
    return {**values, "electrolyte": filling, "dry_cell": body}


def _registered(plan: bulk_registration.Plan) -> str:
    counts = ", ".join(f"{number} {verdict}" for verdict, number in plan.counts.items())
    return f"Registered: {counts}."
