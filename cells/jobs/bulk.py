"""Many files changed by a job, as a page or a program asked: all of them, or none."""

from typing import Any

from django.contrib.auth import get_user_model
from django.urls import reverse

from battery_db.lib.runs.context import JobContext
from battery_db.lib.runs.registry import Done
from cells.models import RawFile
from cells.services import bulk_files, files


def change_files(context: JobContext) -> Done:
    """Job: do ``params["action"]`` to its rows or files, in the name of who asked for it."""
    params = context.params
    total = len(params.get("rows", params.get("files", [])))
    context.progress(0, total, f"{total:,} files")
    by = get_user_model().objects.filter(pk=context.requested_by_id or 0).first()
    with context.fenced():
        changed = _change(params, by)
    context.progress(total, total, f"{changed:,} files changed")
    return Done({"changed": changed}, url=reverse("cells:files"))


def _change(params: dict[str, Any], by: Any) -> int:
    action = params["action"]
    if action == "correct":
        reason = params.get("reason", "")
        return len(bulk_files.correct_many(params["rows"], by=by, reason=reason))
    if action == "reparse":
        discard = params.get("discard_manual", False)
        return len(bulk_files.reparse_many(params["files"], discard_manual=discard, by=by))
    rows = RawFile.objects.filter(pk__in=params["files"])
    return files.deprecate(rows, params["reason"], by=by)
