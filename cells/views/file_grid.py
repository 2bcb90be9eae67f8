"""Correct what many files are about in a grid."""

import json
from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from battery_db.lib.errors import LabError
from battery_db.lib.permissions import Permission, allows, requires
from battery_db.lib.runs.models import Job
from cells.experiments import FIELD_WORDS, METADATA_FIELDS
from cells.models import FileMetadata, NameRule, RawFile
from cells.models.files import RawFileQuerySet
from cells.services import bulk_files
from cells.services import files as services
from cells.tables.files import FileFilter

# Files that were changed, or the job that changes them.
Changed = list[int] | Job
_WORDS = {"upper_cutoff_voltage": "Voltage / V", "temperature_celsius": "Temperature / °C"}


@requires(Permission.EDIT)
def grid(request: HttpRequest) -> HttpResponse:
    """The files that the filter of the list finds, one row each."""
    files = RawFile.objects.select_related("metadata")
    chosen = FileFilter(request.GET, queryset=files)
    count = chosen.qs.count()
    is_too_many = count > bulk_files.MOST_FILES
    kinds = [kind for kind, _ in NameRule.objects.grammar().choices]
    choices = {"experiment": kinds, "cycler": FileMetadata.Cycler.values}
    context = {
        "filter": chosen,
        "count": count,
        "most": bulk_files.MOST_FILES,
        "is_too_many": is_too_many,
        "rows": [] if is_too_many else _rows(chosen.qs),
        "columns": [
            {
                "field": name,
                "title": _WORDS.get(name)
                or FIELD_WORDS[name][0][:1].upper() + FIELD_WORDS[name][0][1:],
                "choices": choices.get(name, []),
            }
            for name in METADATA_FIELDS
        ],
        "can_curate": allows(request.user, Permission.CURATE),
    }
    return render(request, "cells/files/grid.html", context)


@require_POST
@requires(Permission.EDIT)
def grid_save(request: HttpRequest) -> JsonResponse:
    """Apply all changed rows, or say at row and field why none was."""

    def save(sent: dict[str, Any]) -> Changed:
        rows = sent.get("rows")
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise LabError("Expected a list of rows.", fix="Load the page again.")
        reason = str(sent.get("reason", "")).strip()
        if len(rows) > bulk_files.MOST_AT_ONCE:
            return _as_job(request, "correct", {"rows": rows, "reason": reason})
        bulk_files.correct_many(rows, by=request.user, reason=reason)
        return [row["id"] for row in rows]

    return _apply(request, save)


@require_POST
@requires(Permission.EDIT)
def grid_reparse(request: HttpRequest) -> JsonResponse:
    """Read the names of the chosen files again."""

    def reparse(sent: dict[str, Any]) -> Changed:
        ids = _ids(sent)
        discard = sent.get("discard_manual") is True
        if len(ids) > bulk_files.MOST_AT_ONCE:
            return _as_job(request, "reparse", {"files": ids, "discard_manual": discard})
        bulk_files.reparse_many(ids, discard_manual=discard, by=request.user)
        return ids

    return _apply(request, reparse)


@require_POST
@requires(Permission.CURATE)
def grid_deprecate(request: HttpRequest) -> JsonResponse:
    """Ignore the chosen files until they are restored."""

    def deprecate(sent: dict[str, Any]) -> Changed:
        ids = _ids(sent)
        reason = services.deprecation_reason(str(sent.get("reason", "")))
        if len(ids) > bulk_files.MOST_AT_ONCE:
            return _as_job(request, "deprecate", {"files": ids, "reason": reason})
        services.deprecate(RawFile.objects.filter(pk__in=ids), reason, by=request.user)
        return ids

    return _apply(request, deprecate)


@require_POST
@requires(Permission.EDIT)
def grid_rows(request: HttpRequest) -> JsonResponse:
    """The rows of the named files as they are now: after a job that changed them."""
    return _apply(request, _ids)


def _as_job(request: HttpRequest, action: str, body: dict[str, Any]) -> Job:
    return bulk_files.request_change(action, body, by=request.user, trigger=Job.Trigger.PAGE)


def _apply(request: HttpRequest, change: Callable[[dict[str, Any]], Changed]) -> JsonResponse:
    """Change, and answer with the rows as they are now, or with the job that changes them.

    A refusal is an answer too, with ``error``, as it is for a form. Rows that other people
    have changed meanwhile come with it, as ``current``.
    """
    try:
        sent = json.loads(request.body)
        if not isinstance(sent, dict):
            raise ValueError
        changed = change(sent)
    except ValueError:
        return JsonResponse({"error": "This is no JSON object.", "fix": ""})
    except bulk_files.RowsChanged as error:
        return JsonResponse({**error.body, "current": _rows_of(e.id for e in error.errors)})
    except bulk_files.RowsRefused as error:
        return JsonResponse(error.body)
    except LabError as error:
        return JsonResponse({"error": error.message, "fix": error.fix})
    if isinstance(changed, Job):
        url = f"/api/v1/jobs/{changed.pk}/"
        return JsonResponse({"job": url, "page": changed.get_absolute_url()})
    return JsonResponse({"rows": _rows_of(changed)})


def _ids(sent: dict[str, Any]) -> list[int]:
    ids = sent.get("files")
    if not isinstance(ids, list) or not all(type(pk) is int for pk in ids):
        raise LabError("Expected a list of files.", fix="Load the page again.")
    bulk_files.check_count(len(ids))
    return ids


def _rows_of(ids: Iterable[int | None]) -> list[dict[str, Any]]:
    return _rows(RawFile.objects.select_related("metadata").filter(pk__in=list(ids)))


def _rows(files: RawFileQuerySet) -> list[dict[str, Any]]:
    return [_row(file) for file in files]


def _row(file: RawFile) -> dict[str, Any]:
    """Values as text, as a person would type them."""
    metadata = getattr(file, "metadata", None)
    values = {name: _text(getattr(metadata, name, None)) for name in METADATA_FIELDS}
    values["experiment"] = metadata.kind if metadata else ""
    status = "invalid" if metadata is None or not metadata.is_valid else "valid"
    return {
        "id": file.pk,
        "name": file.name,
        "url": file.get_absolute_url(),
        "status": "deprecated" if file.deprecated else status,
        "why": file.deprecated_reason or " ".join(metadata.problems if metadata else []),
        "manual": metadata.manual_fields if metadata else [],
        "version": (metadata or FileMetadata()).version,
        **values,
    }


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.12g}"
    return "" if value is None else str(value)
