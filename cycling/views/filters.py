"""While somebody types a filter: the groups that exist, and how many cycles it catches."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST

from battery_db.lib.permissions import Permission, requires
from cells.forms.datasets import FilterForm
from cells.models import Dataset
from cycling.exports.csv_folder import Range
from cycling.services import previews

CELLS_SHOWN = 50


@require_POST
@requires(Permission.VIEW)
def filter_preview(request: HttpRequest, slug: str) -> HttpResponse:
    """Fragment below the grid of limits; the form is sent as it stands, saved or not."""
    dataset = get_object_or_404(Dataset, slug=slug)
    form = FilterForm(dataset, None, request.POST)
    form.is_valid()  # a limit that is no number yet counts as open
    ranges = [Range(*limits) for limits in form.ranges() if limits[2:] != (None, None)]
    editing = request.POST.get("editing", "")
    found = previews.preview(
        dataset,
        ranges,
        form.cleaned_data.get("cells") or [],
        but=int(editing) if editing.isdecimal() else None,
    )
    context = {"preview": found, "cells": found.by_cell[:CELLS_SHOWN]}
    return render(request, "cycling/filter_preview.html", context)
