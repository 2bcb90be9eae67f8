"""Pages of electrolytes, molecules and dry cells."""

from typing import Any

from django.contrib import messages
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django_tables2 import RequestConfig

from battery_db.lib.errors import LabError
from battery_db.lib.history import changes_of
from battery_db.lib.permissions import Permission, requires
from cells import compositions, projections
from cells.amounts import plain
from cells.compositions import Recipe
from cells.forms.materials import DryCellForm, ElectrolyteForm, MoleculeForm
from cells.models import DryCell, Electrolyte, Molecule
from cells.services import materials, nodes
from cells.tables.registry import (
    DryCellFilter,
    DryCellTable,
    ElectrolyteFilter,
    ElectrolyteTable,
    MoleculeFilter,
    MoleculeTable,
)
from cells.views.registry import confirm_delete

PER_PAGE = 50
SHOWN_CELLS = 50


@requires(Permission.VIEW)
def electrolytes(request: HttpRequest) -> HttpResponse:
    rows = Electrolyte.objects.annotate(cell_count=Count("wet_cells", distinct=True))
    chosen = ElectrolyteFilter(request.GET, queryset=rows)
    return _list(request, "electrolytes", chosen, ElectrolyteTable)


@requires(Permission.VIEW)
def electrolyte(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Electrolyte, pk=pk)
    cells = row.wet_cells.select_related("dry_cell")
    context = {
        "electrolyte": row,
        "components": [
            (part, plain(part.amount)) for part in row.components.select_related("molecule")
        ],
        "search_url": f"{reverse('cells:cells')}?electrolyte={row.pk}",
        "cells": cells[:SHOWN_CELLS],
        "cell_count": cells.count(),
        "similar": [
            other
            for other in materials.similar_electrolytes(row.as_recipe(), limit=6)
            if other != row
        ][:5],
        "changes": changes_of(row),
    }
    return render(request, "cells/registry/electrolyte.html", context)


@requires(Permission.EDIT)
def electrolyte_new(request: HttpRequest) -> HttpResponse:
    initial = {"composition": request.GET.get("composition", "")}
    form = ElectrolyteForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        before = Electrolyte.objects.count()
        try:
            row = materials.define_electrolyte(form.recipe, by=request.user)
        except LabError as error:
            form.add_error("composition", str(error))
        else:
            is_new = Electrolyte.objects.count() > before
            messages.success(request, "Defined." if is_new else "This electrolyte exists already.")
            return redirect(row)
    return render(request, "cells/registry/electrolyte_form.html", _electrolyte_context(form))


@requires(Permission.EDIT)
def electrolyte_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Electrolyte, pk=pk)
    bare = Recipe(row.as_recipe().components)
    initial = {
        "composition": projections.electrolyte_name(bare),
        "notes": row.notes,
        "proprietary": row.proprietary,
    }
    form = ElectrolyteForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            materials.edit_electrolyte(row, form.recipe, by=request.user)
        except LabError as error:
            form.add_error("composition", str(error))
        else:
            messages.success(request, "Saved, for every cell that has it.")
            return redirect(row)
    context = _electrolyte_context(form) | {"electrolyte": row, "cell_count": row.wet_cells.count()}
    return render(request, "cells/registry/electrolyte_form.html", context)


@requires(Permission.VIEW)
def preview(request: HttpRequest) -> HttpResponse:
    """The name that a composition would have, what is wrong with it, and its likes."""
    text = request.GET.get("composition", "")
    notes = compositions.tidy(request.GET.get("notes", ""))
    context: dict[str, Any] = {"is_blank": not (text.strip() or notes)}
    try:
        read = compositions.parse_electrolyte(text)
        recipe = Recipe(
            read.components, notes or read.notes, read.proprietary or "proprietary" in request.GET
        )
        recipe, known = materials.with_known_molecules(recipe)
    except LabError as error:
        context["problems"] = [] if context["is_blank"] else [error]
    else:
        context |= _preview_of(recipe, materials.keys_of(known))
    return render(request, "cells/registry/_electrolyte_preview.html", context)


@requires(Permission.CURATE)
def electrolyte_delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Electrolyte, pk=pk)
    return confirm_delete(request, row, reverse("cells:electrolytes"))


@requires(Permission.VIEW)
def molecules(request: HttpRequest) -> HttpResponse:
    rows = Molecule.objects.annotate(electrolyte_count=Count("uses"))
    return _list(request, "molecules", MoleculeFilter(request.GET, queryset=rows), MoleculeTable)


@requires(Permission.EDIT)
def molecule_new(request: HttpRequest) -> HttpResponse:
    form = MoleculeForm(request.POST or None)
    return _save(request, form, "molecule", reverse("cells:molecules"))


@requires(Permission.VIEW, POST=Permission.EDIT)
def molecule_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Molecule, pk=pk)
    form = MoleculeForm(request.POST or None, instance=row)
    return _save(request, form, "molecule", reverse("cells:molecules"))


@requires(Permission.CURATE)
def molecule_delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Molecule, pk=pk)
    return confirm_delete(request, row, reverse("cells:molecules"))


@requires(Permission.VIEW)
def dry_cells(request: HttpRequest) -> HttpResponse:
    rows = DryCell.objects.annotate(cell_count=Count("wet_cells"))
    return _list(request, "dry_cells", DryCellFilter(request.GET, queryset=rows), DryCellTable)


@requires(Permission.VIEW)
def dry_cell(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(DryCell, pk=pk)
    cells = row.wet_cells.select_related("electrolyte")
    context = {
        "dry_cell": row,
        "search_url": f"{reverse('cells:cells')}?dry_cell={row.pk}",
        "cells": cells[:SHOWN_CELLS],
        "cell_count": cells.count(),
        "changes": changes_of(row),
    }
    return render(request, "cells/registry/dry_cell.html", context)


@requires(Permission.EDIT)
def dry_cell_new(request: HttpRequest) -> HttpResponse:
    form = DryCellForm(request.POST or None)
    return _save(request, form, "dry cell", reverse("cells:dry-cells"))


@requires(Permission.EDIT)
def dry_cell_edit(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(DryCell, pk=pk)
    form = DryCellForm(request.POST or None, instance=row)
    return _save(request, form, "dry cell", row.get_absolute_url())


@requires(Permission.CURATE)
def dry_cell_delete(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(DryCell, pk=pk)
    return confirm_delete(request, row, reverse("cells:dry-cells"))


def _list(request: HttpRequest, kind: str, chosen: Any, table_class: Any) -> HttpResponse:
    table = table_class(chosen.qs, request=request)
    RequestConfig(request, paginate={"per_page": PER_PAGE}).configure(table)
    context = {"filter": chosen, "table": table, "kind": kind}
    return render(request, "cells/registry/materials.html", context)


def _save(request: HttpRequest, form: "ModelForm[Any]", kind: str, back: str) -> HttpResponse:
    is_new = form.instance.pk is None
    if request.method == "POST" and form.is_valid():
        try:
            row = nodes.save_node(form.instance, by=request.user)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{row} is saved.")
            return redirect(back)
    context = {"form": form, "kind": kind, "is_new": is_new, "back": back}
    if not is_new:
        context["changes"] = changes_of(form.instance)
    return render(request, "cells/registry/material_form.html", context)


def _electrolyte_context(form: ElectrolyteForm) -> dict[str, Any]:
    molecules: QuerySet[Molecule] = Molecule.objects.all()
    groups: dict[str, list[Molecule]] = {}
    for molecule in molecules:
        groups.setdefault(molecule.get_default_role_display(), []).append(molecule)
    return {"form": form, "molecule_groups": groups}


def _preview_of(recipe: Recipe, keys: dict[str, str]) -> dict[str, Any]:
    problems = compositions.problems_of(recipe)
    suggested = [
        projections.electrolyte_name(Recipe(problem.suggestion))
        for problem in problems
        if problem.suggestion
    ]
    return {
        "name": projections.electrolyte_name(recipe),
        "problems": problems,
        "suggested": suggested,
        "existing": Electrolyte.objects.filter(
            digest=projections.electrolyte_digest(recipe, keys)
        ).first(),
        "similar": materials.similar_electrolytes(recipe),
    }
