"""Several nodes, or lots, of one kind at once: the table, its verdicts, and saving it."""

import hashlib
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from battery_db.lib.permissions import Permission, requires
from cells.forms.several import MOST_ROWS, SeveralForm
from cells.kinds import Kind
from cells.services.several import Outcomes, Verdict, define_several

ANSWERS = ("csrfmiddlewaretoken", "previewed", "save")


@requires(Permission.EDIT)
def nodes_several(request: HttpRequest, kind: Kind) -> HttpResponse:
    """A row for each new geometry or electrode."""
    return _several(request, kind, of_lots=False)


@requires(Permission.EDIT)
def lots_several(request: HttpRequest, kind: Kind) -> HttpResponse:
    """A row for each new lot of nodes of this kind, or for each new box."""
    return _several(request, kind, of_lots=True)


def _several(request: HttpRequest, kind: Kind, *, of_lots: bool) -> HttpResponse:
    table = SeveralForm(kind, request.POST or None, of_lots=of_lots)
    plural = kind.plural
    if of_lots:
        plural = "boxes" if kind.key == "dry-cell" else f"lots of {kind.plural}"
    context: dict[str, Any] = {"kind": kind, "table": table, "most": MOST_ROWS, "plural": plural}
    if request.method == "POST":
        seen = _fingerprint(request)
        is_valid = table.is_valid()
        # Only what was shown is saved: the table may have changed since.
        keep = is_valid and "save" in request.POST and request.POST.get("previewed") == seen
        outcomes = define_several(table.wanted(), request.user, keep=keep)
        if keep and outcomes.created and not outcomes.is_refused:
            messages.success(request, _told(outcomes, plural))
            return redirect("cells:nodes", kind)
        context |= {
            "outcomes": outcomes,
            "previewed": seen,
            "can_save": is_valid and outcomes.created and not outcomes.is_refused,
            "is_empty": not table.filled,
        }
        context["verdicts"] = _by_row(table, outcomes)
    context["rows"] = [
        (row, context.get("verdicts", {}).get(number))
        for number, row in enumerate(table.rows.forms, 1)
    ]
    return render(request, "cells/nodes/several.html", context)


def _by_row(table: SeveralForm, outcomes: Outcomes) -> dict[int, Verdict]:
    """Rows that are wrong by themselves are refused, with the message at the field."""
    verdicts = {verdict.number: verdict for verdict in outcomes.verdicts}
    for number, _ in table.filled:
        verdicts.setdefault(number, Verdict(number, "refused", message="See the marked fields."))
    return verdicts


def _fingerprint(request: HttpRequest) -> str:
    told = sorted((name, values) for name, values in request.POST.lists() if name not in ANSWERS)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _told(outcomes: Outcomes, plural: str) -> str:
    existing = outcomes.counts.get("exists already", 0)
    text = f"{plural.capitalize()} defined: {outcomes.created}."
    return f"{text} {existing} existed already." if existing else text
