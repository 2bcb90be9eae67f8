"""Pages of every kind of node, from the table of kinds."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from battery_db.lib.history import changes_of
from battery_db.lib.permissions import Permission, requires
from cells.models import BLUEPRINTS, Blueprint
from cells.services import rendering


@requires(Permission.VIEW)
def node(request: HttpRequest, kind_key: str, pk: int) -> HttpResponse:
    """One blueprint: what it is, its lots, and what it is used in."""
    row: Blueprint = get_object_or_404(rendering.with_parts(_model(kind_key)), pk=pk)
    context: dict[str, Any] = {
        "row": row,
        "parts": [(part.group, part.child.name, part.amount) for part in row.parts()],
        "values": [(found.label, getattr(row, found.field)) for found in row.kind.attributes],
        "lots": row.lots.all() if row.kind.has_lots else [],  # type: ignore[attr-defined]
        "changes": changes_of(row),
    }
    return render(request, "cells/nodes/node.html", context)


def _model(kind_key: str) -> type[Blueprint]:
    model = BLUEPRINTS.get(kind_key)
    if model is None:
        raise Http404(f"There is no kind of node {kind_key}.")
    return model
