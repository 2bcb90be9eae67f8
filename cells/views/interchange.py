"""Cells and dry cells in the formats of others: BattINFO JSON-LD and BPX."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from cells.models import WetCell
from cells.services import interchange

LARGEST_BYTES = 2 * 1024 * 1024


class DocumentForm(forms.Form):
    """One file of JSON."""

    upload = forms.FileField(label="File")

    def clean_upload(self) -> bytes:
        upload = self.cleaned_data["upload"]
        if upload.size > LARGEST_BYTES:
            raise forms.ValidationError("The file is larger than 2 MB; it is no description.")
        content: bytes = upload.read()
        return content


@requires(Permission.VIEW)
def battinfo(request: HttpRequest, cell_id: int) -> HttpResponse:
    """A cell as BattINFO JSON-LD."""
    cell = get_object_or_404(WetCell.objects.with_names(), cell_id=cell_id)
    address = request.build_absolute_uri(cell.get_absolute_url())
    response = JsonResponse(
        interchange.battinfo_of(cell, address),
        content_type="application/ld+json",
        json_dumps_params={"indent": 2, "ensure_ascii": False},
    )
    response["Content-Disposition"] = f'attachment; filename="cell-{cell_id}.jsonld"'
    return response


@requires(Permission.EDIT)
def battinfo_import(request: HttpRequest) -> HttpResponse:
    """Register the cell of a BattINFO document, with all that it is made of."""
    return _import(request, interchange.import_battinfo, "Register a cell from BattINFO JSON-LD")


@requires(Permission.EDIT)
def bpx_import(request: HttpRequest) -> HttpResponse:
    """Define the dry cell of a BPX file."""
    return _import(request, interchange.import_bpx, "Define a dry cell from BPX")


def _import(request: HttpRequest, read: Any, title: str) -> HttpResponse:
    form = DocumentForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            imported = read(form.cleaned_data["upload"], by=request.user)
        except LabError as error:
            form.add_error("upload", str(error))
        else:
            messages.success(request, f"{imported.row} is registered.")
            if imported.left_out:
                messages.warning(request, f"Not taken over: {', '.join(imported.left_out)}.")
            return redirect(imported.row)
    return render(request, "cells/nodes/import.html", {"form": form, "title": title})
