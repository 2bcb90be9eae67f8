"""The page of the search tree. Everything it shows follows from its address."""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    JsonResponse,
    StreamingHttpResponse,
)
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, allows, requires
from battery_db.lib.spreadsheets import csv_lines
from cells.forms.chosen_cells import ChosenCells, SaveSearchForm
from cells.forms.registry import AddToDatasetForm
from cells.forms.search import SearchTreeForm
from cells.models import SavedSearch
from cells.search_tree import Among, Node, SearchTree, title_of, tree_in_words
from cells.services import saved_searches, searching
from cells.views.adding import add_chosen

# Of the address, what does not belong to the question.
_NOT_ASKED = ("page",)


@requires(Permission.VIEW)
def search_tree(request: HttpRequest) -> HttpResponse:
    """The form with its results; for htmx, which puts them in place, the results alone."""
    form = SearchTreeForm(request.GET)
    context: dict[str, Any] = {"form": form, "is_asked": bool(request.GET)}
    if request.GET and form.is_valid():
        context |= _results(request, form)
    in_place = request.headers.get("HX-Request") and not request.headers.get(
        "HX-History-Restore-Request"
    )
    if not in_place:
        context["saved"] = SavedSearch.objects.visible_to(request.user)
    name = "_results" if in_place else "search"
    response = render(request, f"cells/search/{name}.html", context)
    patch_vary_headers(response, ["HX-Request"])
    return response


@requires(Permission.VIEW)
def search_csv(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """All results as one table, streamed."""
    form = SearchTreeForm(request.GET)
    if not form.is_valid():
        return redirect(_page(request.GET.urlencode()))
    rows = searching.table_of(form.tree, form.cleaned_data["order"])
    response = StreamingHttpResponse(csv_lines(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{form.tree.node}.csv"'
    return response


@requires(Permission.VIEW)
def search_count(request: HttpRequest) -> HttpResponse:
    """Fragment: exactly how many there are, for results that a page does not count."""
    form = SearchTreeForm(request.GET)
    count = searching.count_of(form.tree) if form.is_valid() else 0
    return HttpResponse(f"{count:,}", content_type="text/plain; charset=utf-8")


@requires(Permission.VIEW)
def suggest(request: HttpRequest) -> JsonResponse:
    """Names that a field may be completed to: ``?kind=molecule&text=li``."""
    kind, text = request.GET.get("kind", ""), request.GET.get("text", "")[:100]
    return JsonResponse({"names": searching.suggestions(kind, text.strip())})


@require_POST
@requires(Permission.EDIT)
def search_add(request: HttpRequest) -> HttpResponse:
    """Put ticked cells, or all that the search finds on all pages, into a dataset."""
    chosen = ChosenCells(request.POST)
    return add_chosen(request, chosen, _page(chosen.search))


@require_POST
@requires(Permission.EDIT)
def search_save(request: HttpRequest) -> HttpResponse:
    form = SaveSearchForm(request.POST)
    query = request.POST.get("query", "")
    if form.is_valid():
        values = form.cleaned_data
        try:
            query = _tidy(values["query"])
            saved = saved_searches.save_search(
                request.user, values["name"], query, is_shared=values["is_shared"]
            )
        except LabError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"The search is kept as {saved}.")
            return redirect(saved)
    else:
        messages.error(request, "Give the search a name of at most 100 characters.")
    return HttpResponseRedirect(_page(query))


@require_POST
@requires(Permission.EDIT)
def search_forget(request: HttpRequest, pk: int) -> HttpResponse:
    saved = get_object_or_404(SavedSearch.objects.visible_to(request.user), pk=pk)
    try:
        saved_searches.delete_search(saved, by=request.user)
    except LabError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{saved} is forgotten.")
    return redirect("cells:search-tree")


def _results(request: HttpRequest, form: SearchTreeForm) -> dict[str, Any]:
    tree, order = form.tree, form.cleaned_data["order"]
    number = request.GET.get("page", "")
    page = searching.page_of(tree, int(number) if number.isdecimal() else 1, order)
    asked = request.GET.copy()
    for name in _NOT_ASKED:
        asked.pop(name, None)
    finds_cells = tree.node in (Node.CELLS, Node.CYCLING)
    can_edit = allows(request.user, Permission.EDIT)
    return {
        "tree": tree,
        "title": title_of(tree),
        "asked": tree_in_words(tree),
        "unused": tree.unused(),
        "wider_url": _wider(request, tree),
        "page": page,
        "columns": searching.columns_of(tree.node),
        "orders": searching.ORDERS[tree.node],
        "order": order,
        "query": asked.urlencode(),
        "finds_cells": finds_cells,
        "is_cycling": tree.node == Node.CYCLING,
        "visuals": finds_cells and form.cleaned_data["visuals"],
        "can_edit": can_edit,
        "add_form": AddToDatasetForm() if can_edit and finds_cells else None,
        "save_form": SaveSearchForm(initial={"query": asked.urlencode()}) if can_edit else None,
    }


def _wider(request: HttpRequest, tree: SearchTree) -> str:
    """The same search, projected from as far up as it needs for every input to count."""
    wider = request.GET.copy()
    wider.pop("page", None)
    needs_files = tree.node == Node.CELLS or not tree.conditions.is_trivial
    wider["among"] = Among.CYCLING if needs_files else Among.CELLS
    return f"{request.path}?{wider.urlencode()}"


def _page(query: str) -> str:
    return f"{reverse('cells:search-tree')}?{query}"


def _tidy(query: str) -> str:
    """The question of an address alone: no page number, nothing left empty at its end."""
    pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True)
    return urlencode([(name, value) for name, value in pairs if name not in _NOT_ASKED])
