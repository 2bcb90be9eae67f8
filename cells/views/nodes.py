"""Pages of every kind of node, from the table of kinds: lists, one node, deleting."""

from decimal import Decimal
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django_tables2 import RequestConfig

from battery_db.lib.history import changes_of
from battery_db.lib.permissions import Permission, requires
from battery_db.lib.spreadsheets import csv_lines
from cells.amounts import plain
from cells.kinds import KINDS, Kind
from cells.models import BLUEPRINTS, LOTS, Blueprint, Electrolyte, ElectrolyteComponent
from cells.services import materials as compositions
from cells.services import rendering
from cells.services.uses import users_of, with_counts
from cells.tables.lots import HOLD_CELLS, lot_filter, lot_table
from cells.tables.nodes import node_filter, node_table
from cells.views.registry import confirm_delete

PER_PAGE = 50
SIMILAR = 5
# From the smallest part to the whole.
ORDER = tuple(KINDS[key] for key in BLUEPRINTS)


@requires(Permission.VIEW)
def materials(request: HttpRequest) -> HttpResponse:
    """All kinds, and how many of each the lab knows."""
    counted = [
        (kind, BLUEPRINTS[kind.key].objects.count())  # type: ignore[attr-defined]
        for kind in ORDER
    ]
    return render(request, "cells/nodes/materials.html", {"counted": counted, "kinds": ORDER})


@requires(Permission.VIEW)
def nodes(request: HttpRequest, kind: Kind) -> HttpResponseBase:
    """The list of a kind: sorted, filtered, and as a CSV file."""
    rows = with_counts(kind)
    joined = [found.field for found in kind.attributes if found.type == "node"]
    chosen = node_filter(kind)(request.GET, queryset=rows.select_related(*joined))
    table = node_table(kind)(chosen.qs, request=request)
    return _listed(request, chosen, table, {"kind": kind, "title": kind.plural})


@requires(Permission.VIEW)
def lots(request: HttpRequest, kind: Kind) -> HttpResponseBase:
    """All lots of a kind, such as the boxes of dry cells, whatever they are lots of."""
    rows = LOTS[kind.key].objects.select_related("blueprint")  # type: ignore[attr-defined]
    if kind.key in HOLD_CELLS:
        rows = rows.annotate(cell_count=Count("wet_cells"))
    chosen = lot_filter(kind)(request.GET, queryset=rows)
    table = lot_table(kind)(chosen.qs, request=request)
    title = "boxes" if kind.key == "dry-cell" else f"lots of {kind.plural}"
    return _listed(request, chosen, table, {"kind": kind, "title": title, "are_lots": True})


def _listed(
    request: HttpRequest, chosen: Any, table: Any, context: dict[str, Any]
) -> HttpResponseBase:
    """A page of a table, or all of it as a CSV file."""
    if request.GET.get("format") == "csv":
        RequestConfig(request, paginate=False).configure(table)
        name = context["title"].replace(" ", "-")
        return StreamingHttpResponse(
            csv_lines(table.as_values()),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
        )
    RequestConfig(request, paginate={"per_page": PER_PAGE}).configure(table)
    query = request.GET.copy()
    query.pop("page", None)
    query["format"] = "csv"
    context |= {
        "kinds": ORDER,
        "filter": chosen,
        "table": table,
        "csv_url": f"?{query.urlencode()}",
    }
    return render(request, "cells/nodes/list.html", context)


@requires(Permission.VIEW)
def node(request: HttpRequest, kind: Kind, pk: int) -> HttpResponse:
    """One node: what it is, its lots, what uses it, and who changed it."""
    row: Blueprint = get_object_or_404(rendering.with_parts(BLUEPRINTS[kind.key]), pk=pk)
    context: dict[str, Any] = {
        "kind": kind,
        "kinds": ORDER,
        "row": row,
        "values": [(found, _value(row, found.field)) for found in kind.attributes],
        "groups": _groups(row),
        "lots": row.lots.select_related("blueprint") if kind.has_lots else [],  # type: ignore[attr-defined]
        "users": users_of(row),
        "changes": changes_of(row),
    }
    if isinstance(row, Electrolyte):
        close = compositions.similar_electrolytes(row.as_recipe(), limit=SIMILAR + 1)
        context["similar"] = [other for other in close if other != row][:SIMILAR]
    return render(request, "cells/nodes/node.html", context)


@requires(Permission.CURATE)
def node_delete(request: HttpRequest, kind: Kind, pk: int) -> HttpResponse:
    row = get_object_or_404(BLUEPRINTS[kind.key], pk=pk)
    return confirm_delete(request, row, reverse("cells:nodes", args=[kind]))


def _value(row: Blueprint, field: str) -> Any:
    display = getattr(row, f"get_{field}_display", None)
    value = display() if display else getattr(row, f"{field}_lot", None) or getattr(row, field)
    return plain(value) if hasattr(value, "as_tuple") else value


def _as_in_names(part: ElectrolyteComponent) -> tuple[int, bool, Decimal]:
    """Solvents, salts, additives; the largest amounts first, unknown ones last."""
    roles = ("solvent", "salt", "additive")
    return roles.index(part.role), part.amount is None, -(part.amount or Decimal(0))


def _groups(row: Blueprint) -> list[dict[str, Any]]:
    """Components by group: the material, what it is called here, how much, in what unit."""
    if isinstance(row, Electrolyte):
        parts = [
            {
                "material": part.lot or part.molecule,
                "smiles": part.molecule.smiles,
                "role": part.get_role_display(),
                "amount": plain(part.amount),
                "unit": part.unit,
            }
            for part in sorted(row.components.all(), key=_as_in_names)
        ]
        return [{"label": "Composition", "parts": parts, "is_electrolyte": True}]
    groups = []
    for group, kind_key in row.kind.parts:
        parts = [
            {
                "material": part.child.name if kind_key == "atom" else part.lot or part.material,
                "amount": plain(part.amount),
                "unit": "" if kind_key == "atom" else "%",
            }
            for part in row.parts()
            if part.group == group
        ]
        groups.append({"label": group.capitalize(), "parts": parts})
    return groups
