"""Lots of a node, or boxes of a dry cell: new, edited, deleted."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from battery_db.lib.errors import LabError
from battery_db.lib.history import changes_of
from battery_db.lib.permissions import Permission, requires
from cells.forms.nodes import LotForm, lot_form
from cells.kinds import Kind
from cells.models import BLUEPRINTS, LOTS
from cells.services import nodes
from cells.views.registry import confirm_delete


@requires(Permission.EDIT)
def lot_new(request: HttpRequest, kind: Kind, pk: int) -> HttpResponse:
    blueprint = get_object_or_404(BLUEPRINTS[kind.key], pk=pk)
    model: Any = LOTS[kind.key]
    form = lot_form(model, request.POST or None, instance=model(blueprint=blueprint))
    return _save(request, kind, form)


@requires(Permission.EDIT)
def lot_edit(request: HttpRequest, kind: Kind, pk: int) -> HttpResponse:
    model: Any = LOTS[kind.key]
    lot = get_object_or_404(model.objects.select_related("blueprint"), pk=pk)
    return _save(request, kind, lot_form(model, request.POST or None, instance=lot))


@requires(Permission.CURATE)
def lot_delete(request: HttpRequest, kind: Kind, pk: int) -> HttpResponse:
    model: Any = LOTS[kind.key]
    lot = get_object_or_404(model.objects.select_related("blueprint"), pk=pk)
    return confirm_delete(request, lot, lot.blueprint.get_absolute_url())


def _save(request: HttpRequest, kind: Kind, form: LotForm) -> HttpResponse:
    lot = form.instance
    title = lot.name
    if request.method == "POST" and form.is_valid():
        try:
            nodes.save_lot(lot, by=request.user)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{lot} is saved.")
            return redirect(lot.blueprint)
    context: dict[str, Any] = {
        "kind": kind,
        "form": form,
        "lot": lot,
        "title": title,
        "word": "box" if kind.key == "dry-cell" else "lot",
    }
    if lot.pk:
        context["changes"] = changes_of(lot)
    return render(request, "cells/nodes/lot_form.html", context)
