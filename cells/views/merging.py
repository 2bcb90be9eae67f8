"""Merge two nodes that mean one thing: choose, see what would move, confirm."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from cells.forms.nodes import names_of
from cells.kinds import Kind
from cells.models import BLUEPRINTS
from cells.services import merging, nodes


@requires(Permission.CURATE)
def node_merge(request: HttpRequest, kind: Kind, pk: int) -> HttpResponse:
    """The node of this page stays; the duplicate that is chosen goes."""
    keep = get_object_or_404(BLUEPRINTS[kind.key], pk=pk)
    text = (request.POST.get("gone") or request.GET.get("gone") or "").strip()
    context: dict[str, Any] = {"kind": kind, "row": keep, "names": names_of(kind.key), "gone": text}
    if text:
        try:
            gone, lot = nodes.find_node(kind.key, text)
            if lot is not None:
                raise LabError(f"{text} is a lot.", fix=f"Choose a whole {kind.label}.")
            if request.method == "POST":
                merging.merge(keep, gone, by=request.user)
                messages.success(request, f"{gone} is merged into {keep}.")
                return redirect(keep)
        except LabError as error:
            context["error"] = error
        else:
            context |= {"duplicate": gone, "moves": merging.moves_of(gone), "is_self": gone == keep}
    return render(request, "cells/nodes/merge.html", context)
