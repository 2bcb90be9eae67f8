"""Declare the columns of a folder's tables, on the example of one file."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, requires
from cells.models import RawFile
from cycling.formats.base import ColumnDeclaration, DeclaredColumn
from cycling.formats.columns import find_columns
from cycling.formats.declared import CHOICES
from cycling.formats.vendors import LABELLED
from cycling.models import TableDeclaration
from cycling.services import declarations as services

SEPARATORS = {"": "found by itself", ",": "comma", ";": "semicolon", "\t": "tab", " ": "space"}
LAST_HEADER_LINE = 150


@requires(Permission.VIEW, POST=Permission.CURATE)
def declare_columns(request: HttpRequest, file_id: int) -> HttpResponse:
    """Try a declaration on one file, and save it for the folder of that file."""
    file = get_object_or_404(RawFile.objects.select_related("folder"), pk=file_id)
    sent = request.POST if request.method == "POST" else request.GET
    header_line = _whole(sent.get("header_line", ""))
    separator = sent.get("separator", "")
    separator = separator if separator in SEPARATORS else ""
    context: dict[str, Any] = {
        "file": file,
        "header_line": header_line,
        "separator": separator,
        "separators": SEPARATORS.items(),
        "choices": CHOICES,
        "sent": sent,
        "known": TableDeclaration.objects.filter(folder=file.folder),
    }
    try:
        if "header_line" not in sent:
            context["header_line"] = header_line = services.header_line_of(file, separator)
        context["sample"] = sample = services.sample(file, header_line, separator)
        context["columns"] = _columns(request, sample.header)
        if request.method == "POST":
            declaration = _declaration(request, sample.header, header_line, separator)
            if "save" in request.POST:
                _, job = services.save(file.folder, declaration, file, by=request.user)
                messages.success(request, f"Files of {file.folder} are read by {declaration.name}.")
                return redirect(job.get_absolute_url() if job else file.get_absolute_url())
            context["preview"] = services.preview(file, declaration)
    except LabError as error:
        context["error"] = error
    return render(request, "cycling/declare_columns.html", context)


@require_POST
@requires(Permission.CURATE)
def delete_declaration(request: HttpRequest, declaration_id: int) -> HttpResponse:
    declaration = get_object_or_404(
        TableDeclaration.objects.select_related("folder"), pk=declaration_id
    )
    services.delete(declaration, by=request.user)
    messages.success(request, f"{declaration.name} is deleted; files it read are tried without it.")
    return redirect("cells:files")


def _columns(request: HttpRequest, header: list[str]) -> list[dict[str, Any]]:
    """Each header cell with what was chosen for it, or what its word suggests."""
    guessed = {
        found.index: (name, found.unit or "")
        for name, found in find_columns(header, LABELLED).items()
    }
    columns = []
    for index, cell in enumerate(header):
        name, unit = guessed.get(index, ("", ""))
        columns.append(
            {
                "index": index,
                "header": cell,
                "chosen": request.POST.get(f"column-{index}", name),
                "unit": request.POST.get(f"unit-{index}", unit),
            }
        )
    return columns


def _declaration(
    request: HttpRequest, header: list[str], header_line: int, separator: str
) -> ColumnDeclaration:
    columns = tuple(
        DeclaredColumn(cell, name, request.POST.get(f"unit-{index}", "").strip()[:20])
        for index, cell in enumerate(header)
        if (name := request.POST.get(f"column-{index}", "")) in CHOICES
    )
    return ColumnDeclaration(
        name=request.POST.get("name", "").strip()[:100],
        columns=columns,
        header_line=header_line,
        separator=separator,
        clock_format=request.POST.get("clock_format", "").strip()[:60],
        reverse_current="reverse_current" in request.POST,
    )


def _whole(text: str) -> int:
    return min(int(text), LAST_HEADER_LINE) if text.isdecimal() and len(text) < 6 else 1
