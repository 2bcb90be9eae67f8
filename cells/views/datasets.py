"""Pages of datasets: the list, one dataset, its cells and its filters."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_tables2 import RequestConfig

from battery_db.lib.errors import LabError
from battery_db.lib.history import changes_of
from battery_db.lib.permissions import Permission, allows, requires
from cells.forms.datasets import (
    AddCellsForm,
    CellLooks,
    CellNameForm,
    DatasetForm,
    FilterForm,
    NewDatasetForm,
)
from cells.models import Dataset, DatasetCell, DatasetFilter
from cells.services import datasets as services
from cells.services.nodes import save_checked
from cells.tables.datasets import DatasetFilterSet, DatasetTable, MembershipTable
from cells.views.registry import confirm_delete

PER_PAGE = 50
NAMES_PER_PAGE = 100


@requires(Permission.VIEW, POST=Permission.EDIT)
def datasets(request: HttpRequest) -> HttpResponse:
    form = NewDatasetForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(services.create_dataset(**form.cleaned_data, by=request.user))
        except LabError as error:
            form.add_error("name", str(error))
    rows = Dataset.objects.select_related("created_by").annotate(
        cell_count=Count("memberships", distinct=True), filter_count=Count("filters", distinct=True)
    )
    chosen = DatasetFilterSet(request.GET, queryset=rows)
    can_edit = allows(request.user, Permission.EDIT)
    table = DatasetTable(chosen.qs, can_choose=can_edit, request=request)
    RequestConfig(request, paginate={"per_page": PER_PAGE}).configure(table)
    context = {"filter": chosen, "table": table, "form": form}
    return render(request, "cells/datasets/datasets.html", context)


@requires(Permission.VIEW)
def dataset(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Dataset.objects.select_related("created_by"), slug=slug)
    members = row.memberships.select_related("wet_cell__electrolyte", "wet_cell__dry_cell")
    can_edit = allows(request.user, Permission.EDIT)
    table = MembershipTable(members, can_choose=can_edit, request=request)
    RequestConfig(request, paginate={"per_page": PER_PAGE}).configure(table)
    context = {
        "dataset": row,
        "table": table,
        "add_form": AddCellsForm(),
        "filters": row.filters.prefetch_related("ranges").annotate(cell_count=Count("cells")),
        "changes": changes_of(row),
    }
    return render(request, "cells/datasets/dataset.html", context)


@requires(Permission.EDIT)
def dataset_edit(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Dataset, slug=slug)
    form = DatasetForm(request.POST or None, instance=row)
    if request.method == "POST" and form.is_valid():
        try:
            save_checked(form.instance, by=request.user)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{form.instance} is saved.")
            return redirect("cells:dataset", slug)
    context = {"form": form, "dataset": row, "slug": slug}
    return render(request, "cells/datasets/dataset_form.html", context)


@requires(Permission.CURATE)
def dataset_delete(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Dataset, slug=slug)
    what = "Its names and filters go with it. The cells and their data stay."
    return confirm_delete(request, row, reverse("cells:datasets"), what)


@require_POST
@requires(Permission.EDIT)
def add_cells(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Dataset, slug=slug)
    form = AddCellsForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["cell_ids"])))
        return redirect(row)
    try:
        added = services.add_cells(row, form.cleaned_data["cell_ids"], by=request.user)
        messages.success(request, f"{added} cell{'' if added == 1 else 's'} added.")
    except LabError as error:
        messages.error(request, str(error))
    return redirect(row)


@require_POST
@requires(Permission.EDIT)
def remove_cells(request: HttpRequest, slug: str) -> HttpResponse:
    row = get_object_or_404(Dataset, slug=slug)
    ticked = [int(value) for value in request.POST.getlist("cell") if value.isdecimal()]
    try:
        removed = services.remove_cells(row, ticked, by=request.user)
        messages.success(request, f"{removed} cell{'' if removed == 1 else 's'} removed.")
    except LabError as error:
        messages.error(request, str(error))
    return redirect(row)


@requires(Permission.EDIT)
def cell_name(request: HttpRequest, slug: str, cell_id: int) -> HttpResponse:
    """The name of a cell within the dataset: a form, and after it the name again."""
    members = DatasetCell.objects.select_related("dataset", "wet_cell")
    member = get_object_or_404(members, dataset__slug=slug, wet_cell__cell_id=cell_id)
    form = CellNameForm(request.POST or None, initial={"name": member.name})
    context: dict[str, Any] = {"record": member, "form": form, "is_editing": True}
    if request.method == "POST" and form.is_valid():
        try:
            name = form.cleaned_data["name"]
            member = services.rename_cell(member.dataset, cell_id, name, by=request.user)
            context = {"record": member}
        except LabError as error:
            form.add_error("name", str(error))
        if not request.htmx:  # type: ignore[attr-defined]
            return redirect(member.dataset)
    return render(request, "cells/datasets/_cell_name.html", context)


@requires(Permission.EDIT)
def cell_names(request: HttpRequest, slug: str) -> HttpResponse:
    """Names and colours of all cells of a dataset in one table, saved together or not at all."""
    row = get_object_or_404(Dataset, slug=slug)
    members = row.memberships.select_related("wet_cell__electrolyte").order_by("wet_cell__cell_id")
    page = Paginator(members, NAMES_PER_PAGE).get_page(request.GET.get("page"))
    initial = [
        {"cell_id": member.wet_cell.cell_id, "name": member.name, "colour": member.colour}
        for member in page
    ]
    forms = CellLooks(request.POST or None, initial=initial, prefix="cells")
    if request.method == "POST" and forms.is_valid():
        try:
            changed = services.rename_cells(
                row, [form.cleaned_data for form in forms], by=request.user
            )
        except LabError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{changed} cell{'' if changed == 1 else 's'} changed.")
            return redirect(row)
    rows = list(zip(page, forms, strict=False))
    context = {"dataset": row, "forms": forms, "rows": rows, "page": page}
    return render(request, "cells/datasets/cell_names.html", context)


@requires(Permission.EDIT)
def filter_new(request: HttpRequest, slug: str) -> HttpResponse:
    return _edit_filter(request, get_object_or_404(Dataset, slug=slug), None)


@requires(Permission.EDIT)
def filter_edit(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    row = _filter(slug, pk)
    return _edit_filter(request, row.dataset, row)


@require_POST
@requires(Permission.EDIT)
def filter_copy(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    row = services.copy_filter(_filter(slug, pk), by=request.user)
    messages.success(request, f"Copied as {row}.")
    return redirect("cells:filter-edit", slug, row.pk)


@require_POST
@requires(Permission.EDIT)
def filter_delete(request: HttpRequest, slug: str, pk: int) -> HttpResponse:
    row = _filter(slug, pk)
    services.delete_filter(row, by=request.user)
    messages.success(request, f"The filter {row} is deleted.")
    return redirect(row.dataset)


def _edit_filter(request: HttpRequest, dataset: Dataset, row: DatasetFilter | None) -> HttpResponse:
    form = FilterForm(dataset, row, request.POST or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        try:
            if row is None and dataset.filters.filter(name=values["name"]).exists():
                raise LabError(
                    "This dataset has a filter of that name.", fix="Choose another name."
                )
            chosen = row or DatasetFilter(dataset=dataset)
            chosen.colour, chosen.differential = values["colour"], values["differential"]
            saved = services.save_filter(
                dataset,
                values["name"],
                form.ranges(),
                values["cells"],
                instance=chosen,
                by=request.user,
            )
        except LabError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"The filter {saved} is saved.")
            return redirect(dataset)
    context = {"form": form, "dataset": dataset, "filter": row}
    return render(request, "cells/datasets/filter_form.html", context)


def _filter(slug: str, pk: int) -> DatasetFilter:
    rows = DatasetFilter.objects.select_related("dataset")
    return get_object_or_404(rows, dataset__slug=slug, pk=pk)
