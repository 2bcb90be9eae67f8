"""Pages about files, folders, names and what is wrong with them."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django_tables2 import RequestConfig

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, allows, requires
from cells.experiments import FIELD_WORDS
from cells.forms.files import (
    BulkDeprecateForm,
    DeprecateForm,
    FolderForm,
    MetadataForm,
)
from cells.models import FileMetadata, Folder, NameRule, RawFile
from cells.services import files as services
from cells.services import problems
from cells.tables.files import FileFilter, FileTable, FolderTable

SHOWN_PROBLEMS = 20
SHOWN_CELLS = 24


@requires(Permission.VIEW)
def files(request: HttpRequest) -> HttpResponse:
    rows = RawFile.objects.select_related("folder", "metadata")
    chosen = FileFilter(request.GET, queryset=rows)
    can_curate = allows(request.user, Permission.CURATE)
    table = FileTable(chosen.qs, can_choose=can_curate)
    RequestConfig(request, paginate={"per_page": 50}).configure(table)
    context = {
        "filter": chosen,
        "table": table,
        "can_curate": can_curate,
        "can_edit": allows(request.user, Permission.EDIT),
        "is_filtered": any(request.GET.get(name) for name in chosen.filters),
    }
    return render(request, "cells/files/list.html", context)


@requires(Permission.VIEW, POST=Permission.EDIT)
def file(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(RawFile.objects.select_related("folder", "duplicate_of"), pk=pk)
    metadata = FileMetadata.objects.filter(file=row).first() or FileMetadata(file=row)
    grammar = NameRule.objects.grammar()
    form = MetadataForm(request.POST or None, instance=metadata, grammar=grammar)
    if request.method == "POST" and form.is_valid():
        try:
            values = dict(form.cleaned_data)
            version = values.pop("version")
            corrected = services.correct_metadata(row, values, version=version, by=request.user)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            if corrected.is_valid:
                messages.success(request, "The metadata is complete.")
            else:
                messages.warning(request, "Saved. " + " ".join(corrected.problems))
            return redirect(row)
    # A bound form writes what was typed into its instance; the page shows what is stored.
    stored = FileMetadata.objects.filter(file=row).first()
    context = {
        "file": row,
        "metadata": stored,
        "parsed": row.parse_name(grammar),
        "manual": [FIELD_WORDS[name][0] for name in (stored.manual_fields if stored else [])],
        "form": form,
        "deprecate_form": DeprecateForm(),
        "duplicates": row.duplicates.order_by("pk")[:20],
        "changes": _changes(row, stored),
        "can_edit": allows(request.user, Permission.EDIT),
        "can_curate": allows(request.user, Permission.CURATE),
    }
    return render(request, "cells/files/detail.html", context)


@requires(Permission.EDIT)
def file_reparse(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(RawFile, pk=pk)
    if request.method == "POST":
        discard = "discard" in request.POST
        metadata = services.reparse(row, discard_manual=discard, by=request.user)
        if metadata.is_valid:
            messages.success(request, "The name was read again: the metadata is complete.")
        else:
            messages.warning(request, "The name was read again. " + " ".join(metadata.problems))
    return redirect(row)


@requires(Permission.CURATE)
def file_deprecate(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(RawFile, pk=pk)
    form = DeprecateForm(request.POST)
    if request.method == "POST" and form.is_valid():
        services.deprecate([row], form.cleaned_data["reason"], by=request.user)
        messages.success(request, "The file is ignored until it is restored.")
    elif request.method == "POST":
        messages.error(request, "Say why the file is to be ignored.")
    return redirect(row)


@requires(Permission.CURATE)
def file_restore(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(RawFile, pk=pk)
    if request.method == "POST":
        services.restore([row], by=request.user)
        messages.success(request, "The file is used again from the next import on.")
    return redirect(row)


@requires(Permission.CURATE)
def files_deprecate(request: HttpRequest) -> HttpResponse:
    """Deprecate the files ticked in the list."""
    form = BulkDeprecateForm(request.POST)
    if request.method == "POST" and form.is_valid():
        rows = RawFile.objects.filter(pk__in=form.cleaned_data["files"])
        count = services.deprecate(rows, form.cleaned_data["reason"], by=request.user)
        messages.success(request, f"{count} files are ignored until they are restored.")
    elif request.method == "POST":
        messages.error(request, "Tick at least one file, and say why they are to be ignored.")
    return redirect(_back(request, "cells:files"))


@requires(Permission.ADMINISTER)
def folders(request: HttpRequest) -> HttpResponse:
    table = FolderTable(Folder.objects.select_related("owner").annotate(file_count=Count("files")))
    RequestConfig(request, paginate={"per_page": 50}).configure(table)
    return render(request, "cells/files/folders.html", {"table": table})


@requires(Permission.ADMINISTER)
def folder_new(request: HttpRequest) -> HttpResponse:
    return _edit_folder(request, Folder(), "Add a folder")


@requires(Permission.ADMINISTER)
def folder_edit(request: HttpRequest, pk: int) -> HttpResponse:
    folder = get_object_or_404(Folder, pk=pk)
    return _edit_folder(request, folder, f"Folder {folder.name}")


@requires(Permission.EDIT)
def folders_scan(request: HttpRequest) -> HttpResponse:
    """Scan all active folders."""
    if request.method != "POST":
        return redirect("cells:files")
    return redirect(services.scan_now(by=request.user).get_absolute_url())


@requires(Permission.ADMINISTER)
def folder_scan(request: HttpRequest, pk: int) -> HttpResponse:
    folder = get_object_or_404(Folder, pk=pk)
    if request.method != "POST":
        return redirect("cells:folders")
    return redirect(services.scan_now(folder, by=request.user).get_absolute_url())


@requires(Permission.VIEW)
def problem_list(request: HttpRequest) -> HttpResponse:
    cells = problems.unregistered_cells()
    context = {
        "folders": problems.troubled_folders(),
        "cells": cells[:SHOWN_CELLS],
        "cell_count": cells.count(),
        "sections": [
            _section("Names that were not understood", problems.invalid_names(), "invalid"),
            _section("Files that may not be read", problems.unreadable_files(), "unreadable"),
            _section("Same content twice", problems.duplicate_files(), "duplicate"),
        ],
        "can_edit": allows(request.user, Permission.EDIT),
    }
    return render(request, "cells/files/problems.html", context)


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    files: list[RawFile]
    count: int
    status: str
    all_url: str


def _section(title: str, rows: Any, status: str) -> Section:
    url = reverse("cells:files") + f"?status={status}"
    return Section(title, list(rows[:SHOWN_PROBLEMS]), rows.count(), status, url)


def _edit_folder(request: HttpRequest, folder: Folder, title: str) -> HttpResponse:
    form = FolderForm(request.POST or None, instance=folder)
    if request.method == "POST" and form.is_valid():
        save = services.edit_folder if folder.pk else services.add_folder
        arguments = (folder, form.cleaned_data) if folder.pk else (form.cleaned_data,)
        try:
            saved = save(*arguments, by=request.user)
        except LabError as error:
            form.add_error(None, str(error))
        else:
            if warning := services.folder_warning(saved.path):
                messages.warning(request, f"Saved. {warning}")
            else:
                messages.success(request, "Saved. Scan it now, or wait for the night.")
            return redirect("cells:folders")
    return render(request, "cells/files/folder_form.html", {"form": form, "title": title})


@dataclass(frozen=True, slots=True)
class Change:
    when: Any
    who: str
    what: str
    why: str


def _changes(row: RawFile, metadata: FileMetadata | None) -> list[Change]:
    """Who changed what by hand, newest first."""
    found = _differences(row.history.select_related("history_user"))
    if metadata is not None:
        found += _differences(metadata.history.select_related("history_user"))
    return sorted(found, key=lambda change: change.when, reverse=True)


_UNTOLD = ("problems", "manual_fields", "grammar_version", "duplicate_of", "name", "path")


def _differences(history: Any) -> list[Change]:
    records = list(history.order_by("-history_date", "-history_id")[:50])
    changes = []
    for newer, older in zip(records, [*records, None][1:], strict=True):
        what = newer.history_change_reason or "as it was"
        if older is not None:
            delta = newer.diff_against(older, excluded_fields=_UNTOLD)
            told = [
                f"{_label(newer, c.field)}: {_say(c.old)} → {_say(c.new)}" for c in delta.changes
            ]
            what = "; ".join(told) or what
        why = newer.history_change_reason or ""
        who = str(newer.history_user or "")
        changes.append(Change(newer.history_date, who, what, why if why != what else ""))
    return changes


def _label(record: Any, field: str) -> str:
    return str(record.instance_type._meta.get_field(field).verbose_name)


def _say(value: Any) -> str:
    return "empty" if value in (None, "") else str(value)


def _back(request: HttpRequest, fallback: str) -> str:
    target = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}):
        return target
    return reverse(fallback)
