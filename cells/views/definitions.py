"""Define and edit nodes: the form, and what it would make, as one types."""

from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.history import changes_of
from battery_db.lib.permissions import Permission, requires
from cells import compositions
from cells.compositions import Recipe
from cells.forms.nodes import DefineForm
from cells.kinds import NOTES, Kind
from cells.models import BLUEPRINTS, Blueprint
from cells.services import rendering
from cells.services.definitions import Draft
from cells.services.uses import users_of

EXISTING = 12


@requires(Permission.EDIT)
def node_new(request: HttpRequest, kind: Kind) -> HttpResponse:
    """Define one; an electrolyte may start from a composition in the address."""
    recipe, refused = _started(request, kind)
    form = DefineForm(kind, request.POST or None, recipe=recipe)
    if refused:
        messages.error(request, refused)
    return _define(request, form)


@requires(Permission.EDIT)
def node_edit(request: HttpRequest, kind: Kind, pk: int) -> HttpResponse:
    row = get_object_or_404(rendering.with_parts(BLUEPRINTS[kind.key]), pk=pk)
    return _define(request, DefineForm(kind, request.POST or None, row=row))


@require_POST
@requires(Permission.EDIT)
def preview(request: HttpRequest, kind: Kind) -> HttpResponse:
    """The name that the form would give, what is wrong with it, and what is like it."""
    pk = request.POST.get("pk", "")
    row = BLUEPRINTS[kind.key].objects.filter(pk=pk).first() if pk.isdecimal() else None  # type: ignore[attr-defined]
    form = DefineForm(kind, request.POST, row=row)
    context: dict[str, Any] = {"kind": kind, "existing": _existing(kind, request)}
    if form.is_valid():
        context["check"] = form.draft.check()
        context["is_new"] = row is None
    else:
        context["errors"] = _in_words(form)
    return render(request, "cells/nodes/_preview.html", context)


def _define(request: HttpRequest, form: DefineForm) -> HttpResponse:
    is_new = form.row.pk is None
    title = form.row.name
    context: dict[str, Any] = {"kind": form.kind, "define": form, "form": form.form, "title": title}
    if request.method == "POST" and form.is_valid():
        draft = _as_answered(form.draft, request)
        near = draft.check().near if is_new and "anyway" not in request.POST else []
        if near:
            context["near"] = near
        else:
            try:
                row, is_changed = draft.save(request.user)
            except LabError as error:
                form.form.add_error(None, str(error))
            else:
                messages.success(
                    request, f"{row} is saved." if is_changed else f"{row} exists already."
                )
                return redirect(row)
    if not is_new:
        stored = BLUEPRINTS[form.kind.key].objects.get(pk=form.row.pk)  # type: ignore[attr-defined]
        context |= {
            "stored": stored,
            "users": [user for user in users_of(stored) if user["count"]],
            "changes": changes_of(stored),
        }
    return render(request, "cells/nodes/form.html", context)


def _as_answered(draft: Draft, request: HttpRequest) -> Draft:
    """With what was clicked on beside the form: another field shown, amounts normalised."""
    also = request.POST.get("also_show")
    if also:
        draft = draft.showing(also)
    # Only what was shown is taken: the amounts may have changed since.
    if request.POST.get("take") and request.POST["take"] == draft.check().shares:
        draft = draft.normalised()
    return draft


def _started(request: HttpRequest, kind: Kind) -> tuple[Recipe | None, str]:
    text = request.GET.get("composition", "")
    if kind.key != "electrolyte" or not text.strip():
        return None, ""
    try:
        return compositions.parse_electrolyte(text), ""
    except LabError as error:
        return None, str(error)


def _existing(kind: Kind, request: HttpRequest) -> list[Blueprint]:
    """Those whose name or notes hold what is looked for, or else what is being typed."""
    words = request.POST.get("like", "").split() or _typed(kind, request)
    rows = BLUEPRINTS[kind.key].objects.all()  # type: ignore[attr-defined]
    for word in words:
        rows = rows.filter(Q(name__icontains=word) | Q(notes__icontains=word))
    return list(rows[:EXISTING])


def _typed(kind: Kind, request: HttpRequest) -> list[str]:
    if kind.head:
        return request.POST.get(kind.head, "").split()
    filled = [
        value
        for name, value in request.POST.items()
        if name.endswith("-material") and isinstance(value, str)
    ]
    return [value for value in filled if value.strip()] or request.POST.get(NOTES, "").split()


def _in_words(form: DefineForm) -> list[str]:
    found = [
        f"{form.form.fields[name].label or name}: {message}"
        if name in form.form.fields
        else str(message)
        for name, errors in form.form.errors.items()
        for message in errors
    ]
    for group in form.groups:
        for number, part in enumerate(group.forms, 1):
            for errors in part.errors.values():
                found += [f"{group.prefix.capitalize()}, row {number}: {text}" for text in errors]
        found += [str(error) for error in group.non_form_errors()]
    return found
